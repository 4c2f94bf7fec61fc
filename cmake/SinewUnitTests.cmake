# One test binary for each layer that has tests, found in ctest by their GoogleTest names. sinew::cli has the engine in it.
function(sinew_add_unit_tests)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  foreach(layer IN LISTS SINEW_LAYERS SINEW_PROGRAM_LAYER)
    sinew_layer_sources(${layer} sources tests)
    if(layer STREQUAL "trace")
      list(APPEND tests "${PROJECT_SOURCE_DIR}/src/wire/testdata_test.cpp")  # it reads recorded sessions, too
    endif()
    if(tests)
      sinew_add_unit_test(${layer}_test ${tests})
    endif()
  endforeach()
endfunction()

# The one file that is told where the source folder is: others compile alike in every clone.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/wire/testdata_test.cpp" PROPERTIES
  COMPILE_DEFINITIONS "SINEW_TESTDATA=\"${PROJECT_SOURCE_DIR}/src/wire/testdata\"")

function(sinew_add_unit_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE sinew::cli sinew::engine GTest::gtest_main)
  sinew_set_warnings(${name})
  # A hang is a failure: no unit test waits for a real minute.
  gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 60)
endfunction()
