#pragma once

// Care of a log whatever its entries are: WalMaintenance, its plans and its reports.

#include "walkit/log/maintenance.hpp"
