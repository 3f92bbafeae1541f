# What `cmake --install` puts where: the libraries and public headers (component "development"), with
# a package for find_package(nopad) and one for pkg-config, and the programs (component "programs").
# Nothing installed names an absolute path, so the whole prefix can be moved.
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY NOPAD_MODULES)
get_property(link_libraries GLOBAL PROPERTY NOPAD_LINK_LIBRARIES)
list(REMOVE_DUPLICATES link_libraries)

# How a consumer finds what the libraries link: by find_package, and by the linker's or pkg-config's name.
set(NOPAD_FIND_DEPENDENCIES "")
set(NOPAD_PC_LIBS "")
set(NOPAD_PC_REQUIRES "")
foreach(library IN LISTS link_libraries)
  if(library STREQUAL "Threads::Threads")
    string(APPEND NOPAD_FIND_DEPENDENCIES "find_dependency(Threads)\n")
    string(APPEND NOPAD_PC_LIBS " -pthread")
  elseif(library STREQUAL "hwy::hwy")
    string(APPEND NOPAD_FIND_DEPENDENCIES "find_dependency(hwy)\n")
    string(APPEND NOPAD_PC_REQUIRES " libhwy")
  elseif(library STREQUAL "PCRE2::8BIT")
    string(APPEND NOPAD_FIND_DEPENDENCIES "find_dependency(PCRE2)\n")
    string(APPEND NOPAD_PC_REQUIRES " libpcre2-8")
  else()
    message(FATAL_ERROR "NopadInstall: ${library}: expected a line here that says how a consumer "
                        "finds it, got none")
  endif()
endforeach()

# The linker takes static libraries from the highest tier to the lowest.
foreach(module IN LISTS modules)
  string(PREPEND NOPAD_PC_LIBS " -l${module}")
endforeach()

# From the folder of nopad.pc back to the prefix, e.g. ../../.. for lib/x86_64-linux-gnu/pkgconfig.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nopad)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
           BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${pkgconfig_dir}
           OUTPUT_VARIABLE NOPAD_PC_PREFIX)

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/nopadConfig.cmake.in ${PROJECT_BINARY_DIR}/nopadConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/nopadConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/nopad.pc.in ${PROJECT_BINARY_DIR}/nopad.pc @ONLY)

install(TARGETS nopad ${modules}
        EXPORT nopadTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT nopadTargets
        NAMESPACE nopad::
        DESTINATION ${package_dir}
        COMPONENT development)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/FindPCRE2.cmake
              ${PROJECT_BINARY_DIR}/nopadConfig.cmake
              ${PROJECT_BINARY_DIR}/nopadConfigVersion.cmake
        DESTINATION ${package_dir}
        COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/nopad.pc DESTINATION ${pkgconfig_dir} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/nopad
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development
        FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR}
        COMPONENT development)

if(NOPAD_BUILD_APPS)
  get_property(programs DIRECTORY ${PROJECT_SOURCE_DIR}/src/apps PROPERTY BUILDSYSTEM_TARGETS)
  foreach(program IN LISTS programs)
    get_target_property(type ${program} TYPE)
    if(type STREQUAL "EXECUTABLE")
      install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
    endif()
  endforeach()
endif()
