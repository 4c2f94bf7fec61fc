# One libFuzzer target for each fuzz/*_fuzz.cpp. Without clang's fuzzer the same files are linked with a main() that
# replays the stored corpus, as an ordinary test: every build then runs every input that ever found a fault.
function(sinew_add_fuzz_targets)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cpp")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    if(SINEW_FUZZING)
      sinew_add_fuzzer(${name} "${source}")
    else()
      sinew_add_corpus_replay(${name} "${source}")
    endif()
  endforeach()
endfunction()

function(sinew_add_fuzzer name source)
  add_executable(${name} "${source}")
  target_link_libraries(${name} PRIVATE sinew::cli sinew::engine)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  sinew_set_warnings(${name})
endfunction()

function(sinew_add_corpus_replay name source)
  add_executable(${name}_replay "${source}" "${PROJECT_SOURCE_DIR}/fuzz/replay_main.cpp")
  target_link_libraries(${name}_replay PRIVATE sinew::cli sinew::engine)
  sinew_set_warnings(${name}_replay)
  add_test(NAME ${name}.ReplaysItsCorpus
           COMMAND ${name}_replay "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
  set_tests_properties(${name}.ReplaysItsCorpus PROPERTIES TIMEOUT 60)
endfunction()
