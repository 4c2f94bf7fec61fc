# Sanitizers are a mode of the whole build, one build directory each: mixing instrumented and plain objects gives
# false reports. Clang only, and with the shared runtime: the extension is loaded into a Python that is not
# instrumented, which works only if the runtime is preloaded, and one process must have exactly one runtime.
function(sinew_sanitizer_runtime_dir out)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-x86_64.so
                  OUTPUT_VARIABLE file OUTPUT_STRIP_TRAILING_WHITESPACE)
  cmake_path(GET file PARENT_PATH dir)
  set(${out} "${dir}" PARENT_SCOPE)
endfunction()

function(sinew_set_sanitizers target)
  if(NOT SINEW_SANITIZE)
    return()
  endif()
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SINEW_SANITIZE needs clang")
  endif()
  # Without recovery an undefined operation ends the test instead of passing as a line in the log.
  target_compile_options(${target} PUBLIC -fsanitize=${SINEW_SANITIZE} -fno-sanitize-recover=all
                                          -fno-omit-frame-pointer)
  target_link_options(${target} PUBLIC -fsanitize=${SINEW_SANITIZE})
  if(NOT SINEW_FUZZING)
    sinew_sanitizer_runtime_dir(dir)
    target_link_options(${target} PUBLIC -shared-libsan "LINKER:-rpath,${dir}")
  endif()
endfunction()
