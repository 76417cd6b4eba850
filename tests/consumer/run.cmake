# Builds and runs the project in SOURCE_DIR/KIND as a user would.
set(prefix "${WORK_DIR}/moved")
set(configure "${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${SOURCE_DIR}/${KIND}"
  "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_PREFIX_PATH=${prefix}")

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
if(KIND STREQUAL "find_package")
  run("${CMAKE_COMMAND}" --install "${WALKIT_BINARY_DIR}" --prefix "${WORK_DIR}/stage")
  file(RENAME "${WORK_DIR}/stage" "${prefix}")
endif()

run(${configure} -B "${WORK_DIR}/build")
run("${CMAKE_COMMAND}" --build "${WORK_DIR}/build")
execute_process(COMMAND "${WORK_DIR}/build/consumer"  # it leaves a log where it is run
  WORKING_DIRECTORY "${WORK_DIR}" COMMAND_ERROR_IS_FATAL ANY)
if(NOT KIND STREQUAL "find_package")
  return()
endif()

# A tool of its own needs none of what the tool is made with.
if(EXISTS "${WALKIT_BINARY_DIR}/src/cli/walkit")
  run(${configure} -B "${WORK_DIR}/own_tool" -DCOMPONENTS=cli
    -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON
    -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
  run("${CMAKE_COMMAND}" --build "${WORK_DIR}/own_tool")
  foreach(arguments IN ITEMS "" "cat;orders" "verify;orders;--json")
    execute_process(COMMAND "${WORK_DIR}/own_tool/consumer" ${arguments}
      WORKING_DIRECTORY "${WORK_DIR}/own_tool" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endif()

# Without cereal the core is found all the same, and the typed layer is not.
set(no_cereal -DCMAKE_DISABLE_FIND_PACKAGE_cereal=ON)
run(${configure} -B "${WORK_DIR}/core_only" ${no_cereal} -DCOMPONENTS=core)
run("${CMAKE_COMMAND}" --build "${WORK_DIR}/core_only")
run("${WORK_DIR}/core_only/consumer")
execute_process(COMMAND ${configure} -B "${WORK_DIR}/no_cereal" ${no_cereal} -DCOMPONENTS=walkit
  OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE result)
if(result EQUAL 0)
  message(FATAL_ERROR "The component walkit was found without cereal")
endif()

# The same by pkg-config, which has to follow the move too.
file(GLOB_RECURSE pc "${prefix}/*/walkit.pc")
cmake_path(GET pc PARENT_PATH pc_dir)
set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
execute_process(COMMAND pkg-config --cflags --libs walkit
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags} ${FLAGS}")
run("${COMPILER}" -std=c++20 "${SOURCE_DIR}/core.cpp" -o "${WORK_DIR}/by_pkg_config" ${flags})
run("${WORK_DIR}/by_pkg_config")
