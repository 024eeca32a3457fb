#include <fill_template.hpp>
#include <new_project/names.hpp>
#include <new_project/project.hpp>
#include <new_project/reserved_words.hpp>
#include <new_project/whole_file.hpp>
#include <new_project/write_project.hpp>

#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace fs = std::filesystem;
using namespace coppice::command;

namespace {

// Why a name or a namespace is refused, on one line; empty if it is not.
std::string told(const std::optional<refusal>& why) {
  return why ? why->what + " " + why->advice : "";
}
std::string name_fault(std::string_view name) { return told(check_name(name)); }
std::string module_fault(std::string_view module) { return told(check_module(module)); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string content_of(const fs::path& path) {
  std::ifstream stream{path};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

std::vector<std::string> paths_of(const project& wanted) {
  std::vector<std::string> paths;
  for (const project_file& file : files_of(wanted, "0.1.0")) paths.push_back(file.path);
  return paths;
}

std::string file_of(const project& wanted, std::string_view path) {
  for (const project_file& file : files_of(wanted, "0.1.0")) {
    if (file.path == path) return file.content;
  }
  return "no such file";
}

// Writes files, answers every question in the same way, and remembers both.
struct writing {
  temporary_folder place;
  fs::path folder = place.path / "shop";
  std::vector<project_file> files{{"README.md", "# Shop\n"}, {"src/shop.cpp", "int shop;\n"}};
  std::ostringstream told;
  std::vector<std::string> questions;
  bool answer = true;

  void run(bool terminal = true) {
    const asker ask = [this](const std::string& question) {
      questions.push_back(question);
      return answer;
    };
    write_project(folder, files, terminal ? ask : asker{}, told);
  }
  void put(const fs::path& path, std::string_view content) {
    fs::create_directories((folder / path).parent_path());
    std::ofstream{folder / path} << content;
  }
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator{folder}) n += !entry.is_directory();
    return n;
  }
};

}  // namespace

TEST_SUITE("names") {
  TEST_CASE("a project is called by lower-case letters, digits and _, a letter first") {
    for (const char* name : {"shop", "hello_world", "a", "x86_64", "shop2", "shop_"}) {
      CAPTURE(name);
      CHECK(name_fault(name) == "");
    }
    for (const char* name : {"", "007invalid", "invAlid", "inválido", "hello-world", "_shop", "a b",
                             "shop.cpp", "Shop", "a::b", "a/b", "-", ".", ".."}) {
      CAPTURE(name);
      CHECK(name_fault(name) != "");
    }
  }

  TEST_CASE("a word of C++ is no name") {
    for (const char* name : {"class", "co_await", "xor", "int", "requires", "char8_t", "typeof"}) {
      CAPTURE(name);
      CHECK(contains(name_fault(name), "it is a word of C++"));
    }
  }

  TEST_CASE("what C++ reserves, libraries, and targets of build systems are no names") {
    CHECK(contains(name_fault("a__b"), "C++ reserves names with __"));
    for (const char* name : {"std", "std2", "boost", "asio", "coppice", "doctest", "posix"}) {
      CAPTURE(name);
      CHECK(contains(name_fault(name), "the namespace of a library"));
    }
    for (const char* name : {"test", "all", "install", "main", "src", "package", "phony"}) {
      CAPTURE(name);
      CHECK(contains(name_fault(name), "build systems"));
    }
    CHECK(name_fault("std2d") == "");
    CHECK(name_fault("stdio_tools") == "");
  }

  TEST_CASE("a name is at most so long that lines with it stay within 100 columns") {
    CHECK(name_fault(std::string(longest_name, 'a')) == "");
    CHECK(contains(name_fault(std::string(longest_name + 1, 'a')), "longer than 32 characters"));
    CHECK(contains(module_fault(std::string(longest_name + 1, 'a')), "longer than 32 characters"));
  }

  TEST_CASE("each refusal suggests a name that is taken") {
    CHECK(contains(name_fault("Hello-World"), "for instance hello_world."));
    CHECK(contains(name_fault("007invalid"), "for instance invalid."));
    CHECK(contains(name_fault("class"), "for instance class_app."));
    CHECK(contains(name_fault("test"), "for instance test_app."));
    CHECK(contains(name_fault("---"), "for instance my_app."));
    for (const std::string wrong :
         {"Hello-World", "007", "inválido", "class", "time", "a__b", "std", "__", "..", "linux",
          "New", "Über", "CLASS", "no pe", "\x1b[31m",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
      CAPTURE(wrong);
      CHECK(name_fault(suggested_name(wrong)) == "");
      CHECK(module_fault(suggested_name(wrong)) == "");
    }
  }

  TEST_CASE("what somebody has typed does nothing to the terminal that shows it") {
    CHECK(in_quotes("\x1b[31mred") == "\"\\x1b[31mred\"");
    CHECK(in_quotes("a\"b\\") == "\"a\\\"b\\\\\"");
    CHECK(in_quotes("a\x7f\n") == "\"a\\x7f\\x0a\"");
    CHECK(in_quotes("ä") == "\"ä\"");
  }

  TEST_CASE("a namespace is one identifier, or several joined by ::") {
    for (const char* module :
         {"shop", "Shop", "MyTestModule", "acme::shop", "a::b::C", "acme::time"}) {
      CAPTURE(module);
      CHECK(module_fault(module) == "");
    }
    CHECK(contains(module_fault("not.valid"), "--module not_valid."));
    CHECK(contains(module_fault("acme::7up"), "--module acme::up."));
    for (const char* module : {"", "::", "a::", "::a", "a:b", "a:::b", "a b", "ä", "a/b", "2a"}) {
      CAPTURE(module);
      CHECK(contains(module_fault(module), "cannot be a namespace: that is an identifier"));
    }
  }

  TEST_CASE("a namespace is refused that would not compile") {
    CHECK(contains(module_fault("acme::class"), "a word of C++"));
    CHECK(contains(module_fault("_Shop"), "C++ reserves"));
    CHECK(contains(module_fault("acme::a__b"), "C++ reserves"));
    CHECK(contains(module_fault("acme::boost"), "a library"));
    CHECK(contains(module_fault("std::shop"), "a library"));
    // Declared by headers of the C library, in the global namespace alone.
    for (const char* module :
         {"time", "signal", "log", "stat", "linux", "stdin", "y0", "time::shop"}) {
      CAPTURE(module);
      CHECK(contains(module_fault(module), "another namespace, for instance --module"));
    }
    // src/main.cpp is the program.
    for (const char* module : {"Main", "main"}) CHECK(module_fault(module) != "");
  }

  TEST_CASE("a name that a header has taken stays, with another namespace") {
    CHECK(name_fault("time") == "");
    CHECK(contains(told(check({.name = "time", .module = "time"})), "--module time_app"));
    CHECK(told(check({.name = "time", .module = "clocks"})) == "");
  }

  TEST_CASE("only whole names are taken by headers") {
    CHECK(taken_by_header("a64l"));  // the first of the list
    CHECK_FALSE(taken_by_header("a64"));
    CHECK_FALSE(taken_by_header("64l"));
    CHECK_FALSE(taken_by_header(""));
    CHECK_FALSE(taken_by_header("\n"));
  }

  TEST_CASE("one name has two spellings") {
    CHECK(snake_case("HelloWorld") == "hello_world");
    CHECK(snake_case("hello_world") == "hello_world");
    CHECK(snake_case("HTTPServer") == "http_server");
    CHECK(snake_case("MyTestModule2Go") == "my_test_module2_go");
    CHECK(camel_case("hello_world") == "HelloWorld");
    CHECK(camel_case("HelloWorld") == "HelloWorld");
    CHECK(camel_case("x86_64") == "X8664");
    CHECK(camel_case("acme::online_shop") == "Acme::OnlineShop");
  }
}

TEST_SUITE("templates") {
  const template_values values{.words = {{"name", "shop"}}, .conditions = {"sup"}};

  TEST_CASE("words are filled in, and any other @ stays") {
    CHECK(fill_template("a @name@_test @name@", values) == "a shop_test shop");
    CHECK(fill_template("me@example.org, @param x, @2@, @@", values) ==
          "me@example.org, @param x, @2@, @@");
    CHECK(fill_template("@@name@", values) == "@shop");
    CHECK(fill_template("", values) == "");
    CHECK_THROWS_AS((void)fill_template("@nobody@", values), std::invalid_argument);
  }

  TEST_CASE("lines stand under conditions") {
    CHECK(fill_template("a\n@if sup\nb\n@else\nc\n@end\nd\n", values) == "a\nb\nd\n");
    CHECK(fill_template("a\n@if not\nb\n@else\nc\n@end\nd\n", values) == "a\nc\nd\n");
    CHECK(fill_template("@if not\n@if sup\na\n@end\nb\n@end\nc", values) == "c");
    CHECK(fill_template("@if not\n@nobody@\n@end\n", values) == "");
    CHECK_THROWS_AS((void)fill_template("@if sup\n", values), std::invalid_argument);
    CHECK_THROWS_AS((void)fill_template("@end\n", values), std::invalid_argument);
    CHECK_THROWS_AS((void)fill_template("@else\n", values), std::invalid_argument);
  }
}

TEST_SUITE("projects") {
  TEST_CASE("a library has sources, a header, a test, and no program") {
    CHECK(paths_of({.name = "shop", .module = "shop"}) ==
          std::vector<std::string>{"README.md", ".gitignore", ".clang-format", "meson.build",
                                   "include/shop.hpp", "src/shop.cpp", "test/main.cpp",
                                   "test/shop_test.cpp"});
  }

  TEST_CASE("with --sup it has an application, a child to begin with, and a program") {
    CHECK(
        paths_of(
            {.name = "shop", .module = "shop", .supervised = true, .build = build_system::cmake}) ==
        std::vector<std::string>{
            "README.md", ".gitignore", ".clang-format", "CMakeLists.txt", "include/shop.hpp",
            "src/shop.cpp", "include/shop/application.hpp", "include/shop/greeter.hpp",
            "src/shop/application.cpp", "src/shop/greeter.cpp", "src/main.cpp", "test/main.cpp",
            "test/shop_test.cpp", "test/shop/application_test.cpp", "test/shop/greeter_test.cpp"});
  }

  TEST_CASE("the namespace names the files") {
    const auto paths = paths_of({.name = "shop", .module = "acme::OnlineShop"});
    CHECK(std::count(paths.begin(), paths.end(), "include/acme/online_shop.hpp") == 1);
    CHECK(std::count(paths.begin(), paths.end(), "test/acme/online_shop_test.cpp") == 1);
  }

  TEST_CASE("the spellings of a name stand in their places") {
    const project made{.name = "shop", .module = "acme::OnlineShop", .supervised = true};
    CHECK(contains(file_of(made, "README.md"), "# Acme::OnlineShop\n"));
    CHECK(contains(file_of(made, "meson.build"), "project(\n  'shop',"));
    CHECK(contains(file_of(made, "meson.build"), "executable('shop', files('src/main.cpp')"));
    CHECK(contains(file_of(made, "src/acme/online_shop.cpp"), "namespace acme::OnlineShop {"));
    const std::string application = file_of(made, "src/acme/online_shop/application.cpp");
    CHECK(contains(application, ".name = \"shop.supervisor\""));
    CHECK(contains(application, ".strategy = coppice::one_for_one"));
    CHECK(contains(application, "{\n              // coppice::worker("));
  }

  TEST_CASE("a project begins with version 0.1.0, and wants C++20 and a coppice like this") {
    for (const bool supervised : {false, true}) {
      const project by_meson{.name = "shop", .module = "shop", .supervised = supervised};
      const std::string meson = file_of(by_meson, "meson.build");
      CHECK(contains(meson, "version: '0.1.0'"));
      CHECK(contains(meson, "cpp_std=c++20"));
      CHECK(contains(meson, "version: '>=0.1'"));
      CHECK(contains(meson, "permanent") == supervised);
      project by_cmake = by_meson;
      by_cmake.build = build_system::cmake;
      const std::string cmake = file_of(by_cmake, "CMakeLists.txt");
      CHECK(contains(cmake, "VERSION 0.1.0"));
      CHECK(contains(cmake, "cxx_std_20"));
      CHECK(contains(cmake, "find_package(coppice 0.1 "));
      CHECK(contains(cmake, "permanent") == supervised);
    }
    for (const project_file& file : files_of({.name = "a", .module = "a"}, "12.34.5")) {
      if (file.path == "meson.build") CHECK(contains(file.content, "version: '>=12.34'"));
    }
  }

  TEST_CASE(
      "every file ends in one newline, and has neither double blank lines nor blanks at ends") {
    for (const bool supervised : {false, true}) {
      for (const build_system build : {build_system::meson, build_system::cmake}) {
        const project made{
            .name = "shop", .module = "shop", .supervised = supervised, .build = build};
        for (const project_file& file : files_of(made, "0.1.0")) {
          CAPTURE(file.path);
          const std::string& text = file.content;
          REQUIRE(text.size() > 1);
          CHECK(text.back() == '\n');
          CHECK(text[text.size() - 2] != '\n');
          CHECK(text.front() != '\n');
          CHECK_FALSE(contains(text, "\n\n\n"));
          CHECK_FALSE(contains(text, " \n"));
          CHECK_FALSE(contains(text, "\t"));
          CHECK_FALSE(contains(text, "\n@"));
        }
      }
    }
  }
}

TEST_SUITE("writing") {
  TEST_CASE_FIXTURE(writing, "each file that is made is told, and is there") {
    run();
    CHECK(told.str() == "* creating README.md\n* creating src/shop.cpp\n");
    CHECK(content_of(folder / "README.md") == "# Shop\n");
    CHECK(content_of(folder / "src/shop.cpp") == "int shop;\n");
    CHECK(questions.empty());
    CHECK(count() == 2);
  }

  TEST_CASE_FIXTURE(writing, "a directory that exists is used if somebody agrees") {
    fs::create_directory(folder);
    SUBCASE("yes") {
      run();
      CHECK(count() == 2);
    }
    SUBCASE("no") {
      answer = false;
      CHECK_THROWS_AS(run(), project_refused);
      CHECK(count() == 0);
    }
    CHECK(questions.size() == 1);
  }

  TEST_CASE_FIXTURE(writing, "where nobody can be asked, only an empty directory is used") {
    SUBCASE("empty") {
      fs::create_directory(folder);
      run(false);
      CHECK(count() == 2);
    }
    SUBCASE("not empty") {
      put("notes.txt", "mine");
      CHECK_THROWS_AS(run(false), project_refused);
      CHECK(count() == 1);
    }
  }

  TEST_CASE_FIXTURE(writing, "a file that exists is asked for, unless it is the same") {
    put("README.md", "mine");
    put("src/shop.cpp", "int shop;\n");
    SUBCASE("yes") {
      run();
      CHECK(told.str() == "* overwriting README.md\n* identical src/shop.cpp\n");
      CHECK(content_of(folder / "README.md") == "# Shop\n");
    }
    SUBCASE("no") {
      const asker ask = [this](const std::string& question) {
        questions.push_back(question);
        return questions.size() == 1;  // into the directory, but not over the file
      };
      write_project(folder, files, ask, told);
      CHECK(told.str() == "* keeping README.md\n* identical src/shop.cpp\n");
      CHECK(content_of(folder / "README.md") == "mine");
    }
    CHECK(questions.size() == 2);
    CHECK(count() == 2);
  }

  TEST_CASE_FIXTURE(writing, "a link is replaced, and what it leads to is left alone") {
    fs::create_directories(folder);
    const fs::path elsewhere = place.path / "elsewhere";
    SUBCASE("to a file") { std::ofstream{elsewhere} << "mine"; }
    SUBCASE("to nothing") {}
    const bool was_there = fs::exists(elsewhere);
    fs::create_symlink(elsewhere, folder / "README.md");
    run();
    CHECK(questions.size() == 2);
    CHECK_FALSE(fs::is_symlink(folder / "README.md"));
    CHECK(content_of(folder / "README.md") == "# Shop\n");
    CHECK(fs::exists(elsewhere) == was_there);
    if (was_there) CHECK(content_of(elsewhere) == "mine");
  }

  TEST_CASE_FIXTURE(writing, "nothing is written where a file stands in the way of a directory") {
    SUBCASE("in place of the project") { std::ofstream{folder} << "mine"; }
    SUBCASE("in place of src") { put("src", "mine"); }
    SUBCASE("a directory in place of a file") { fs::create_directories(folder / "src/shop.cpp"); }
    CHECK_THROWS_AS(run(), project_refused);
    CHECK(told.str() == "");
    CHECK_FALSE(fs::exists(folder / "README.md"));
  }

  TEST_CASE_FIXTURE(writing, "what cannot be written is told, and what has been made before it") {
    files.push_back({"test/" + std::string(300, 'x'), "a name that no file system takes"});
    try {
      run();
      FAIL("it was written");
    } catch (const write_failed& e) {
      CHECK(contains(e.what(), "File name too long. 2 of 3 files have been made"));
    }
    CHECK(count() == 2);
  }

  TEST_CASE("a whole file takes no place that is in use") {
    const temporary_folder place;
    const fs::path path = place.path / "a";
    create_whole_file(path, "first");
    CHECK_THROWS_AS(create_whole_file(path, "second"), std::system_error);
    CHECK(content_of(path) == "first");
    replace_whole_file(path, "second");
    CHECK(content_of(path) == "second");
    CHECK(std::distance(fs::directory_iterator{place.path}, {}) == 1);
    CHECK_THROWS_AS(create_whole_file(place.path / "nowhere" / "a", ""), std::system_error);
  }
}
