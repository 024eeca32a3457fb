# Runs a port as vcpkg would, with stand-ins for those of its functions that the port calls.
#
#   cmake -DPORT_FOLDER=... -DFEATURES=...;... -DWORK=... -DOPTIONS=...;... -P vcpkg.cmake
#
# What the port installs is in WORK/packages then. OPTIONS are for CMake, beside the port's own.
cmake_minimum_required(VERSION 3.20)

get_filename_component(PORT "${PORT_FOLDER}" NAME)
set(CURRENT_PORT_DIR "${PORT_FOLDER}")
set(CURRENT_PACKAGES_DIR "${WORK}/packages")

macro(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endmacro()

# Of pairs "feature VARIABLE": -DVARIABLE=ON or OFF.
function(vcpkg_check_features)
  cmake_parse_arguments(PARSE_ARGV 0 given "" OUT_FEATURE_OPTIONS FEATURES)
  set(options)
  while(given_FEATURES)
    list(POP_FRONT given_FEATURES feature variable)
    if(feature IN_LIST FEATURES)
      list(APPEND options "-D${variable}=ON")
    else()
      list(APPEND options "-D${variable}=OFF")
    endif()
  endwhile()
  set(${given_OUT_FEATURE_OPTIONS} ${options} PARENT_SCOPE)
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 given "" SOURCE_PATH OPTIONS)
  if(given_UNPARSED_ARGUMENTS OR NOT EXISTS "${given_SOURCE_PATH}/CMakeLists.txt")
    message(FATAL_ERROR "vcpkg_cmake_configure(${ARGV})")
  endif()
  run("${CMAKE_COMMAND}" -S "${given_SOURCE_PATH}" -B "${WORK}/build" -DBUILD_SHARED_LIBS=OFF
    "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" ${OPTIONS} ${given_OPTIONS} ERROR_VARIABLE said)
  if(said MATCHES "variables were not used")
    message(FATAL_ERROR "CMakeLists.txt does not know all options of the port:\n${said}")
  endif()
endfunction()

function(vcpkg_cmake_install)
  run("${CMAKE_COMMAND}" --build "${WORK}/build" --target install)
endfunction()

# Moves what find_package reads to share/PORT, where the root is one folder nearer.
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 given "" CONFIG_PATH "")
  file(MAKE_DIRECTORY "${CURRENT_PACKAGES_DIR}/share")
  file(RENAME "${CURRENT_PACKAGES_DIR}/${given_CONFIG_PATH}" "${CURRENT_PACKAGES_DIR}/share/${PORT}")
  file(GLOB descriptions "${CURRENT_PACKAGES_DIR}/share/${PORT}/*.cmake")
  set(up "get_filename_component(_IMPORT_PREFIX \"\${_IMPORT_PREFIX}\" PATH)\n")
  foreach(description IN LISTS descriptions)
    file(READ "${description}" text)
    string(REPLACE "${up}${up}${up}" "${up}${up}" text "${text}")
    file(WRITE "${description}" "${text}")
  endforeach()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 given "" "" FILE_LIST)
  foreach(file IN LISTS given_FILE_LIST)
    file(COPY_FILE "${file}" "${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright")
  endforeach()
endfunction()

include("${PORT_FOLDER}/portfile.cmake")

foreach(needed usage copyright coppice-config.cmake)
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/share/${PORT}/${needed}")
    message(FATAL_ERROR "the port does not install ${needed}")
  endif()
endforeach()
