// `millrace plant ...`: bringing an acquired plant in, over the HTTP API of a running node.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

void add_plant_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
