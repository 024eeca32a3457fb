#include <@path@/application.hpp>

#include <coppice/run_applications.hpp>

// Until SIGINT (Ctrl-C) or SIGTERM, which stop it in order: the program ends with 0 then.
int main() {
  const coppice::program_options options{.name = "@name@"};
  return coppice::run_applications({@module@::application()}, options);
}
