# The CPython extension and the pure-Python package around it, both installed as the component "python" relative to
# a site-packages directory: pip (through scikit-build-core) and the sanitizer builds use the same rules.
function(sinew_add_extension)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/python/ext/*.cpp")
  if(sources)
    python_add_library(_sinew MODULE WITH_SOABI ${sources})
    target_include_directories(_sinew PRIVATE "${PROJECT_SOURCE_DIR}/python")
    target_link_libraries(_sinew PRIVATE sinew::engine)
    sinew_set_warnings(_sinew)
    # Nothing but PyInit__sinew leaves the extension: neither the symbols of the archive it links, nor what templates of
    # the standard library become with our types.
    set(map "${PROJECT_SOURCE_DIR}/cmake/SinewExtension.map")
    target_link_options(_sinew PRIVATE "LINKER:--exclude-libs,ALL" "LINKER:--version-script,${map}")
    set_property(TARGET _sinew PROPERTY LINK_DEPENDS "${map}")
    if(SINEW_LTO)
      set_property(TARGET _sinew PROPERTY INTERPROCEDURAL_OPTIMIZATION ON)
    endif()
    install(TARGETS _sinew LIBRARY DESTINATION sinew COMPONENT python)
  endif()
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/python/sinew" DESTINATION . COMPONENT python
          FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed"
          PATTERN "__pycache__" EXCLUDE)
endfunction()
