"""embed.py OUTPUT FOLDER FILE...: writes a source that holds these files, by their paths from FOLDER."""

import pathlib
import sys

output, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()

HEAD = """#include "embedded_files.hpp"

#include <stdexcept>
#include <string>

namespace coppice::command {

"""
TAIL = """
std::string_view embedded_file(std::string_view path) {
%s  throw std::out_of_range{"no file " + std::string{path} + " is built in"};
}

}  // namespace coppice::command
"""


def main():
    arrays, lookups = "", ""
    for i, name in enumerate(sys.argv[3:]):
        path = pathlib.Path(name).resolve()
        content = path.read_bytes()
        numbers = ",".join(str(byte if byte < 128 else byte - 256) for byte in content)
        arrays += f"static constexpr char file_{i}[]{{{numbers}{',' if numbers else ''}0}};\n"
        lookups += (f'  if (path == "{path.relative_to(folder).as_posix()}") '
                    f"return {{file_{i}, {len(content)}}};\n")
    output.write_text(HEAD + arrays + TAIL % lookups)


main()
