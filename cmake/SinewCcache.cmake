# Compile through ccache when it is there and nobody has chosen a launcher. A clone finds what another one has compiled:
# the cache goes by paths relative to the source folder, and so does what is compiled.
function(sinew_use_ccache)
  if(CMAKE_CXX_COMPILER_LAUNCHER)
    return()
  endif()
  find_program(SINEW_CCACHE ccache)
  mark_as_advanced(SINEW_CCACHE)
  if(NOT SINEW_CCACHE)
    return()
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;${SINEW_CCACHE}"
      PARENT_SCOPE)
  add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.")
endfunction()
