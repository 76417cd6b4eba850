# Compiles SOURCE with COMPILER. It must fail with the sentence of its "// expect:" line and, with
# -DWALKIT_FIXED, succeed. INCLUDES: directories, separated by "|". HEADERS: read before it.
# A "// flags:" line adds flags.
file(STRINGS ${SOURCE} expected REGEX "^// expect: ")
string(REGEX REPLACE "^// expect: " "" expected "${expected}")
string(REPLACE "\\;" ";" expected "${expected}") # file(STRINGS) hides the semicolons of a line
file(STRINGS ${SOURCE} flags REGEX "^// flags: ")
string(REGEX REPLACE "^// flags: " "" flags "${flags}")
separate_arguments(flags)
if(expected STREQUAL "")
  message(FATAL_ERROR "${SOURCE} has no \"// expect:\" line")
endif()

string(REPLACE "|" ";" includes "${INCLUDES}")
set(command ${COMPILER} -std=c++20 -fsyntax-only ${flags})
if(flags STREQUAL "" AND NOT SOURCE MATCHES "missing_include")
  list(APPEND command -include ${HEADERS})
endif()
foreach(directory IN LISTS includes)
  if(NOT directory STREQUAL "")
    list(APPEND command -I${directory})
  endif()
endforeach()

execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE failed ERROR_VARIABLE said)
string(REPLACE "\\\"" "\"" said "${said}") # clang 14 and g++ 12 quote differently
string(FIND "${said}" "${expected}" at)
if(failed EQUAL 0 OR at EQUAL -1)
  message(FATAL_ERROR "expected an error with\n${expected}\nbut the compiler said\n${said}")
endif()
string(REGEX MATCHALL "error:" errors "${said}")
list(LENGTH errors count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "expected one error, not ${count}\n${said}")
endif()

execute_process(COMMAND ${command} -DWALKIT_FIXED ${SOURCE} RESULT_VARIABLE failed
                ERROR_VARIABLE said)
if(NOT failed EQUAL 0)
  message(FATAL_ERROR "expected the mended program to compile\n${said}")
endif()
