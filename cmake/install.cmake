# The core as a package for other CMake projects: library, public headers, find_package(fastface).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fastface)
set_target_properties(fastface_core PROPERTIES EXPORT_NAME core OUTPUT_NAME fastface)
install(TARGETS fastface_core EXPORT fastface-targets
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastface)
install(FILES cpp/fastface.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastface)
install(FILES cpp/algorithms/distances.hpp cpp/algorithms/lasso.hpp cpp/algorithms/linkage.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastface/algorithms)
install(FILES cpp/core/buffer.hpp cpp/core/kernels.hpp cpp/core/rows.hpp cpp/core/view.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastface/core)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT fastface-targets NAMESPACE fastface:: DESTINATION ${package_dir})
configure_package_config_file(cmake/fastface-config.cmake.in fastface-config.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change what is offered.
write_basic_package_version_file(fastface-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fastface-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/fastface-config-version.cmake DESTINATION ${package_dir})
