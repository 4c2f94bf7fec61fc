# Our warnings, for our targets only: an embedding project keeps its own. The code is clean under them always;
# they are errors only in CI, so that a newer compiler does not break a user's build.
function(sinew_set_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion)
  if(SINEW_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
