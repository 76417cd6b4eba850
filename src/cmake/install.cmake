# One export set per component, so that a consumer without cereal still finds the core.
include(CMakePackageConfigHelpers)
set(cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/walkit")

function(walkit_install target component)
  get_target_property(sets ${target} INTERFACE_HEADER_SETS)
  set(file_sets)
  foreach(set IN LISTS sets)
    list(APPEND file_sets FILE_SET ${set})
  endforeach()
  install(TARGETS ${target} EXPORT walkit-${component} ${file_sets})
  install(EXPORT walkit-${component} NAMESPACE walkit:: DESTINATION "${cmake_dir}")
endfunction()

set_target_properties(walkit_core PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
walkit_install(walkit_core core)
foreach(component IN ITEMS walkit app raft_io testing cli)
  if(TARGET walkit::${component})
    get_target_property(target walkit::${component} ALIASED_TARGET)
    walkit_install(${target} ${component})
  endif()
endforeach()
if(TARGET walkit_tool)
  install(TARGETS walkit_tool)
endif()

# A static library leaves its own dependencies to whoever links it.
get_target_property(core_type walkit_core TYPE)
set(pc_requires)
set(pc_targets)  # the imported target of each
if(core_type STREQUAL "STATIC_LIBRARY")
  set(pc_requires liblz4 libzstd)
  set(pc_targets LZ4 ZSTD)
  if(TARGET PkgConfig::ISAL)
    list(APPEND pc_requires libisal)
    list(APPEND pc_targets ISAL)
  endif()
endif()

configure_package_config_file(cmake/walkitConfig.cmake.in
  "${CMAKE_CURRENT_BINARY_DIR}/walkitConfig.cmake" INSTALL_DESTINATION "${cmake_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/walkitConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/walkitConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/walkitConfigVersion.cmake"
  DESTINATION "${cmake_dir}")

# Relative to where the file lies, so that the installed tree may be moved.
file(RELATIVE_PATH pc_prefix
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
set(pc_libs "-pthread")
if(core_type STREQUAL "SHARED_LIBRARY")
  set(pc_libs)
endif()
list(JOIN pc_requires " " pc_requires)
configure_file(cmake/walkit.pc.in "${CMAKE_CURRENT_BINARY_DIR}/walkit.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/walkit.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
