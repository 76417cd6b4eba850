#include "walkit/cli.hpp"

int main(int argc, char** argv) { return walkit::cli::run(argc, argv, {}); }
