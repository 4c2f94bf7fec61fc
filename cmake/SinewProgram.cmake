# The program `sinew`: src/cli on top of the library. CLI11 reads its arguments; libedit, whose header is all that the
# build needs, is loaded by `sinew shell` alone. In developer mode both have to be there; without it, whoever builds the
# library or the extension where they lack gets no program.
function(sinew_add_program)
  if(SINEW_DEVELOPER_MODE)
    set(required REQUIRED)
  else()
    set(required)
  endif()
  find_package(CLI11 2.1 QUIET ${required})
  find_path(SINEW_LIBEDIT_INCLUDE_DIR histedit.h ${required})
  mark_as_advanced(SINEW_LIBEDIT_INCLUDE_DIR)
  if(NOT CLI11_FOUND OR NOT SINEW_LIBEDIT_INCLUDE_DIR)
    message(STATUS "The program sinew is not built: it needs CLI11 and libedit's header")
    return()
  endif()

  sinew_layer_sources(cli sources tests)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(sinew_cli STATIC ${sources})
  add_library(sinew::cli ALIAS sinew_cli)
  target_include_directories(sinew_cli SYSTEM PRIVATE "${SINEW_LIBEDIT_INCLUDE_DIR}")
  target_link_libraries(sinew_cli PUBLIC sinew::engine CLI11::CLI11)
  sinew_set_warnings(sinew_cli)

  if(SINEW_FUZZING)
    return()  # what the fuzz targets need
  endif()
  add_executable(sinew_program "${PROJECT_SOURCE_DIR}/src/cli/main.cpp")
  target_link_libraries(sinew_program PRIVATE sinew::cli)
  set_target_properties(sinew_program PROPERTIES OUTPUT_NAME sinew
                                                 RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  # A tenth of the size; the library has what a debugger wants.
  target_link_options(sinew_program PRIVATE $<$<CONFIG:Release>:LINKER:--strip-debug>)
  sinew_set_warnings(sinew_program)
  install(TARGETS sinew_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT cpp)
  if(SINEW_BUILD_PYTHON)
    # Beside the package, where its console script looks.
    install(TARGETS sinew_program RUNTIME DESTINATION sinew/_program COMPONENT python)
  endif()
endfunction()
