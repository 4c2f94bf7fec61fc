# One program for each bench/*_bench.cpp.
function(sinew_add_benchmarks)
  if(SINEW_SANITIZE)
    return()  # a time measured under a sanitizer says nothing
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*_bench.cpp")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    add_executable(${name} "${source}")
    target_link_libraries(${name} PRIVATE sinew::engine)
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/bench")
    sinew_set_warnings(${name})
  endforeach()
endfunction()
