// refused: peers may do with an object all that its class has, which a const reference
#include "sinew/sinew.hpp"

struct Config {};
struct Scope {
  const Config& config() const;
};

void use() { sinew::service<Scope>("Scope").def("config", &Scope::config); }
