# One static library for everything below Python. A layer is a folder, so its sources are what lies in the folder:
# a list written by hand could only repeat that, or be wrong. CONFIGURE_DEPENDS makes ninja look again each time.
function(sinew_layer_sources layer out_sources out_tests)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${layer}/*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  set(${out_sources} ${sources} PARENT_SCOPE)
  set(${out_tests} ${tests} PARENT_SCOPE)
endfunction()

function(sinew_add_engine)
  find_package(Threads REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(fmt REQUIRED)
  find_package(tsl-robin-map REQUIRED)
  find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL)

  set(all)
  foreach(layer IN LISTS SINEW_LAYERS)
    sinew_layer_sources(${layer} sources tests)
    list(APPEND all ${sources})
  endforeach()

  add_library(sinew_engine STATIC ${all})
  add_library(sinew::engine ALIAS sinew_engine)
  set_target_properties(sinew_engine PROPERTIES OUTPUT_NAME sinew EXPORT_NAME engine)
  target_include_directories(sinew_engine PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>"
                                                 "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>")
  target_compile_definitions(sinew_engine PUBLIC "$<BUILD_INTERFACE:SINEW_VERSION=\"${PROJECT_VERSION}\">")
  # fmt header-only: the extension then depends on no shared library but zlib and the C and C++ runtimes.
  target_link_libraries(sinew_engine PUBLIC Threads::Threads ZLIB::ZLIB
                                            $<BUILD_INTERFACE:fmt::fmt-header-only> $<BUILD_INTERFACE:tsl::robin_map>)
  # The headers only: src/io/openssl.cpp loads the library when TLS is used for the first time.
  target_include_directories(sinew_engine SYSTEM PRIVATE ${OPENSSL_INCLUDE_DIR})
  target_link_libraries(sinew_engine PUBLIC ${CMAKE_DL_LIBS})
  sinew_set_warnings(sinew_engine)
  sinew_set_sanitizers(sinew_engine)
  if(SINEW_FUZZING)
    # Coverage instrumentation only; the fuzz targets alone link libFuzzer's main().
    target_compile_options(sinew_engine PUBLIC -fsanitize=fuzzer-no-link)
    target_link_options(sinew_engine PUBLIC -fsanitize=fuzzer-no-link)
  endif()
  # What a C++ program sees of it: the public headers.
  add_library(sinew_api INTERFACE)
  add_library(sinew::sinew ALIAS sinew_api)
  set_target_properties(sinew_api PROPERTIES EXPORT_NAME sinew)
  target_include_directories(sinew_api INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
                                                 "$<INSTALL_INTERFACE:include>")
  target_compile_features(sinew_api INTERFACE cxx_std_20)
  target_link_libraries(sinew_api INTERFACE $<LINK_ONLY:sinew_engine>)
  if(SINEW_LTO)
    set_property(TARGET sinew_engine PROPERTY INTERPROCEDURAL_OPTIMIZATION ON)
  endif()
endfunction()
