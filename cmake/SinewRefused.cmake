# Programs that must not compile: tests/cpp/refused/*.cpp. The first line of each says what the compiler has to say.
function(sinew_add_refused_programs)
  if(SINEW_SANITIZE) # it is the same compiler and the same headers
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cpp/refused/*.cpp")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    file(STRINGS "${source}" first LIMIT_COUNT 1)
    if(NOT first MATCHES "^// refused: (.+)$")
      message(FATAL_ERROR "${source} begins with the message that is expected: // refused: ...")
    endif()
    add_test(NAME refused.${name} COMMAND "${CMAKE_CXX_COMPILER}" -std=c++20 -fsyntax-only
                                          "-I${PROJECT_SOURCE_DIR}/include" "${source}")
    set_tests_properties(refused.${name} PROPERTIES PASS_REGULAR_EXPRESSION "error: [^\n]*(${CMAKE_MATCH_1})" TIMEOUT 120)
  endforeach()
endfunction()
