#include "project.hpp"

#include "../embedded_files.hpp"
#include "../fill_template.hpp"

#include <cstddef>

namespace coppice::command {

namespace {

// acme::OnlineShop lies in acme/online_shop.
std::string path_of(std::string_view module) {
  std::string path;
  for (std::string_view rest = module;;) {
    const std::size_t end = rest.find("::");
    path += snake_case(rest.substr(0, end));
    if (end == rest.npos) return path;
    path += '/';
    rest.remove_prefix(end + 2);
  }
}

// 0.1.0 as 0.1: what a build file asks for.
std::string major_and_minor(std::string_view version) {
  const std::size_t minor = version.find('.');
  return std::string{version.substr(0, version.find('.', minor + 1))};
}

template_values values_of(const project& wanted, std::string_view version) {
  template_values values;
  values.words = {
      {"name", wanted.name},
      {"module", wanted.module},
      {"title", camel_case(wanted.module)},
      {"path", path_of(wanted.module)},
      {"version", major_and_minor(version)},
      // Targets of CMake differ by name.
      {"library", wanted.supervised ? wanted.name + "_library" : wanted.name},
  };
  if (wanted.supervised) values.conditions.insert("sup");
  values.conditions.insert(wanted.build == build_system::meson ? "meson" : "cmake");
  return values;
}

}  // namespace

std::optional<refusal> check(const project& wanted) {
  if (auto why = check_name(wanted.name)) return why;
  return check_module(wanted.module);
}

std::vector<project_file> files_of(const project& wanted, std::string_view version) {
  const template_values values = values_of(wanted, version);
  const std::string path = path_of(wanted.module);
  std::vector<project_file> files;
  const auto add = [&](std::string to, std::string_view from) {
    const std::string_view text = embedded_file("templates/" + std::string{from});
    files.push_back({std::move(to), fill_template(text, values)});
  };
  add("README.md", "README.md");
  add(".gitignore", "gitignore");
  add(".clang-format", "clang-format");
  if (wanted.build == build_system::meson) {
    add("meson.build", "meson.build");
  } else {
    add("CMakeLists.txt", "CMakeLists.txt");
  }
  add("include/" + path + ".hpp", "include/library.hpp");
  add("src/" + path + ".cpp", "src/library.cpp");
  if (wanted.supervised) {
    add("include/" + path + "/application.hpp", "include/application.hpp");
    add("include/" + path + "/greeter.hpp", "include/greeter.hpp");
    add("src/" + path + "/application.cpp", "src/application.cpp");
    add("src/" + path + "/greeter.cpp", "src/greeter.cpp");
    add("src/main.cpp", "src/main.cpp");
  }
  add("test/main.cpp", "test/main.cpp");
  add("test/" + path + "_test.cpp", "test/library_test.cpp");
  if (wanted.supervised) {
    add("test/" + path + "/application_test.cpp", "test/application_test.cpp");
    add("test/" + path + "/greeter_test.cpp", "test/greeter_test.cpp");
  }
  return files;
}

std::vector<std::string> commands_of(const project& made) {
  if (made.build == build_system::meson) {
    return {"meson setup build", "meson compile -C build", "meson test -C build"};
  }
  return {"cmake -B build", "cmake --build build", "ctest --test-dir build"};
}

std::optional<std::string> program_of(const project& made) {
  if (!made.supervised) return std::nullopt;
  return "build/" + made.name;
}

}  // namespace coppice::command
