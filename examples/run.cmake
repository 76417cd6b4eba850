# Runs PROGRAM with ARGS in FOLDER, emptied first, once more with THEN if there is any, and compares
# what it prints with EXPECTED if there is one.
file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
execute_process(COMMAND "${PROGRAM}" ${ARGS} WORKING_DIRECTORY "${FOLDER}"
  OUTPUT_VARIABLE output ECHO_OUTPUT_VARIABLE COMMAND_ERROR_IS_FATAL ANY)
if(THEN)
  execute_process(COMMAND "${PROGRAM}" ${THEN} WORKING_DIRECTORY "${FOLDER}"
    OUTPUT_VARIABLE then ECHO_OUTPUT_VARIABLE COMMAND_ERROR_IS_FATAL ANY)
  string(APPEND output "${then}")
endif()
if(EXISTS "${EXPECTED}")
  file(READ "${EXPECTED}" expected)
  if(NOT output STREQUAL expected)
    message(FATAL_ERROR "The output differs from ${EXPECTED}")
  endif()
endif()
