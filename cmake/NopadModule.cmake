# One folder under src/ is one module is one static library:
#   nopad_module(NAME SOURCES ... USES ... [PRIVATE_LIBRARIES ...])
# USES names the modules that this one may include; tools/check_layering.py holds it and every
# #include against the table in docs/architecture.md.
# PRIVATE_LIBRARIES names targets that the sources need; consumers link them too (NopadInstall.cmake).
# One that is headers alone is written $<BUILD_INTERFACE:target> and stays in this build.

function(nopad_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRIVATE_LIBRARIES" ${ARGN})
  set(target nopad_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(nopad::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(
    ${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_USES PREPEND nopad_)
  target_link_libraries(${target} PUBLIC ${ARG_USES} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  foreach(library IN LISTS ARG_PRIVATE_LIBRARIES)
    if(NOT library MATCHES "^\\$<BUILD_INTERFACE:")
      set_property(GLOBAL APPEND PROPERTY NOPAD_LINK_LIBRARIES ${library})
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY NOPAD_MODULES ${target})
endfunction()

# nopad_test(MODULE SOURCES... [USES modules...]): one test program per module, one ctest per TEST.
function(nopad_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  set(target nopad_${name}_test)
  add_executable(${target} ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND nopad_)
  target_link_libraries(${target} PRIVATE ${ARG_USES} ${ARG_LIBRARIES} GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE NOPAD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  gtest_discover_tests(${target} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60)
endfunction()
