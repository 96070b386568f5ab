# What `cmake --install` puts where, and CPack's Debian package of it: ./dev package (tools/package). Nothing but the
# program and what it needs to be run as a service; the user and the data directory are made by
# deploy/debian/postinst.
if(FRESHET_FUZZ OR FRESHET_SANITIZE)
  return()
endif()
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # only the program is installed: tests and benchmarks need not be built for it

set(package_docs ${CMAKE_BINARY_DIR}/package-docs)
install(CODE "execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/package-docs $<TARGET_FILE:freshet> ${package_docs}
                              COMMAND_ERROR_IS_FATAL ANY)")
install(TARGETS freshet RUNTIME DESTINATION bin)
install(FILES ${package_docs}/freshet.1.gz DESTINATION share/man/man1)
install(FILES ${package_docs}/freshet.yaml.5.gz DESTINATION share/man/man5)
install(FILES ${package_docs}/freshet.bash DESTINATION share/bash-completion/completions RENAME freshet)
install(FILES ${package_docs}/freshet.fish DESTINATION share/fish/vendor_completions.d)
install(DIRECTORY deploy/systemd/ DESTINATION lib/systemd/system)
install(FILES deploy/debian/freshet.yaml DESTINATION /etc/freshet)
install(FILES deploy/freshet.yaml DESTINATION share/doc/freshet/examples RENAME freshet-kafka.yaml)
install(FILES docs/examples/freshet.yaml DESTINATION share/doc/freshet/examples)
install(FILES deploy/debian/copyright ${package_docs}/changelog.gz DESTINATION share/doc/freshet)
# Libraries whose code is in the program itself, because they are templates or linked statically: their notices go
# with it.
foreach(library libabsl-dev libboost-dev libcli11-dev libexpected-dev libprotobuf-dev)
  install(FILES /usr/share/doc/${library}/copyright DESTINATION share/doc/freshet RENAME copyright.${library} OPTIONAL)
endforeach()
if(EXISTS ${LIBRDKAFKA_PREFIX}/LICENSES.txt)  # built by tools/librdkafka
  install(FILES ${LIBRDKAFKA_PREFIX}/LICENSES.txt DESTINATION share/doc/freshet RENAME copyright.librdkafka)
endif()

install(FILES ${UPLOT_PREFIX}/LICENSE DESTINATION share/doc/freshet RENAME copyright.uplot)  # in the console

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME freshet)
set(CPACK_PACKAGE_CONTACT "Freshet maintainers <maintainers@freshet.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "real-time customer-data ingestion")
set(CPACK_PACKAGE_DESCRIPTION
    "Freshet takes in what a consumer brand's customers do, works out which person
and device each record belongs to, and keeps every profile right: nothing lost,
nothing counted twice. One program, which needs no other service to start; in
production its roles run apart on Apache Kafka, MongoDB and S3.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
# Folders that the program makes on its own are the package's, with the usual rights whatever the umask is.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)  # S3, and Kafka and MongoDB behind TLS
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
foreach(script conffiles postinst prerm postrm)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/deploy/debian/${script})
endforeach()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
