#pragma once

/// Sinew: objects in another process that feel local.
///
///     auto conn = sinew::connect("tcp://localhost:18812");  // any RPyC server, stock or Sinew
///     sinew::Object os = conn.module("os");
///     for (const sinew::Object& entry : os.call("scandir", "."))
///       std::cout << entry.get<std::string>("name") << '\n';
///
/// Every header says what its classes own, which threads may use them and how they fail.

#include "sinew/argument.hpp"
#include "sinew/bytes.hpp"
#include "sinew/connection.hpp"
#include "sinew/convert.hpp"
#include "sinew/current_call.hpp"
#include "sinew/error.hpp"
#include "sinew/function.hpp"
#include "sinew/future.hpp"
#include "sinew/object.hpp"
#include "sinew/python_error.hpp"
#include "sinew/server.hpp"
#include "sinew/service.hpp"
#include "sinew/value.hpp"
