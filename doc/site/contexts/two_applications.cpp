#include <coppice.hpp>
#include <coppice/toml_configuration.hpp>

coppice::application_spec database();
coppice::application_spec shop();

int main() {
  // fragment
}
