# `cmake --install BUILD --component cpp` gives C++ programs the headers, one static library, find_package(sinew) and
# pkg-config. CPython is not part of it.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

function(sinew_install_cpp)
  set(package "${CMAKE_INSTALL_LIBDIR}/cmake/sinew")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/sinew" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT cpp
          FILES_MATCHING PATTERN "*.hpp")
  install(TARGETS sinew_engine sinew_api EXPORT sinew ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT cpp)
  install(EXPORT sinew NAMESPACE sinew:: FILE sinew-targets.cmake DESTINATION "${package}" COMPONENT cpp)

  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/sinew-config.cmake.in"
                                "${PROJECT_BINARY_DIR}/sinew-config.cmake" INSTALL_DESTINATION "${package}")
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/sinew-config-version.cmake" COMPATIBILITY SameMinorVersion)
  install(FILES "${PROJECT_BINARY_DIR}/sinew-config.cmake" "${PROJECT_BINARY_DIR}/sinew-config-version.cmake"
          DESTINATION "${package}" COMPONENT cpp)

  configure_file("${PROJECT_SOURCE_DIR}/cmake/sinew.pc.in" "${PROJECT_BINARY_DIR}/sinew.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/sinew.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT cpp)
endfunction()
