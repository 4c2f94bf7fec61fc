# The optional component `python` of the C++ library: CPython inside a C++ program. It is the one part of the library
# that needs CPython, and is built where there is one to link to.
option(SINEW_BUILD_EMBEDDING "Build the component for C++ programs that embed CPython" ${SINEW_DEVELOPER_MODE})

function(sinew_add_embedding)
  if(NOT SINEW_BUILD_EMBEDDING OR SINEW_SANITIZE OR SINEW_FUZZING)
    return()  # CPython is not instrumented, and a program needs the runtime of the sanitizer first
  endif()
  find_package(Python 3.10 QUIET COMPONENTS Development.Embed)
  if(NOT Python_Development.Embed_FOUND)
    if(SINEW_DEVELOPER_MODE)
      message(STATUS "no CPython to link to: the component for embedding is not built")
      return()
    endif()
    message(FATAL_ERROR "SINEW_BUILD_EMBEDDING needs CPython's headers and library")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/python/embed/*.cpp")
  # The two names by which the GIL is touched are the extension's.
  add_library(sinew_python STATIC ${sources} "${PROJECT_SOURCE_DIR}/python/ext/gil.cpp")
  add_library(sinew::python ALIAS sinew_python)
  set_target_properties(sinew_python PROPERTIES EXPORT_NAME python)
  target_include_directories(sinew_python PRIVATE "${PROJECT_SOURCE_DIR}/python" "${PROJECT_SOURCE_DIR}/python/ext")
  target_link_libraries(sinew_python PUBLIC sinew_api PRIVATE sinew_engine Python::Python)
  sinew_set_warnings(sinew_python)
  sinew_install_embedding()
endfunction()

# `cmake --install BUILD --component embedding`, on top of the component cpp. What is linked to one minor version of
# CPython is of no use with another.
function(sinew_install_embedding)
  set(package "${CMAKE_INSTALL_LIBDIR}/cmake/sinew")
  install(TARGETS sinew_python EXPORT sinew-python ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT embedding)
  install(EXPORT sinew-python NAMESPACE sinew:: FILE sinew-python-targets.cmake DESTINATION "${package}"
          COMPONENT embedding)
  set(SINEW_PYTHON_VERSION "${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/sinew-python-config.cmake.in"
                 "${PROJECT_BINARY_DIR}/sinew-python-config.cmake" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/sinew-python-config.cmake" DESTINATION "${package}" COMPONENT embedding)
endfunction()
