# Our warnings, for our targets only: an embedding project keeps its own. The code is clean under them always;
# they are errors only in CI, so that a newer compiler does not break a user's build.
function(sinew_set_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A waiting thread's seat is on its stack and is taken out of the turnstile before it returns; g++ 12 sees the
    # first half only.
    target_compile_options(${target} PRIVATE -Wno-dangling-pointer)
  endif()
  if(SINEW_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
