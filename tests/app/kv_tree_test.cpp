// The ordered tree whose copies share: against std::map, with copies that must not change.

#include "app/kv_tree.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "seed.hpp"

namespace walkit::kv {
namespace {

struct Pair {
  std::string key{}, value{};
};
using Model = std::map<std::string, std::string>;

void expect_equal(const Tree<Pair>& tree, const Model& model) {
  std::vector<std::string> wrong;
  tree.check_invariants(wrong);
  EXPECT_EQ(wrong, std::vector<std::string>{});
  Model found;
  tree.visit({}, [&](const auto& pair) { return found.emplace(pair->key, pair->value).second; });
  EXPECT_EQ(found, model);
}

class Both {
 public:
  void put(const std::string& key, const std::string& value) {
    tree.put(std::make_shared<Pair>(Pair{key, value}));
    model[key] = value;
  }
  void erase(const std::string& key) {
    tree.erase(key);
    model.erase(key);
  }
  Tree<Pair> tree{};
  Model model{};
};

TEST(KvTree, HoldsWhatAMapHolds) {
  Random random(20261201);
  for (const unsigned keys : {5u, 40u, 3000u}) {
    Both both;
    for (unsigned n = 0; n < 20'000; ++n) {
      const bool grows = n / 5000 % 2 == 0;  // and shrinks, down to nothing
      const std::string key = std::to_string(random() % keys);
      if (random() % 10 < (grows ? 8u : 1u)) {
        both.put(key, std::to_string(n));
      } else {
        both.erase(key);
      }
      if (n % 1000 == 999) expect_equal(both.tree, both.model);
    }
    while (!both.model.empty()) both.erase(both.model.begin()->first);
    expect_equal(both.tree, {});
  }
}

TEST(KvTree, ACopyStaysAsItIs) {
  Random random(20261202);
  Both both;
  std::vector<Both> copies;
  for (unsigned n = 0; n < 3000; ++n) {
    if (random() % 3 == 0) {
      both.erase(std::to_string(random() % 500));
    } else {
      both.put(std::to_string(random() % 500), std::to_string(n));
    }
    if (n % 100 == 0) copies.push_back(both);
    if (n % 250 == 0) copies[random() % copies.size()].put("other", std::to_string(n));
  }
  for (const Both& copy : copies) expect_equal(copy.tree, copy.model);
}

TEST(KvTree, KeysOfAnyBytesStandInTheOrderOfTheirBytes) {
  Both both;
  for (const std::string& key :
       {std::string(), std::string(1, '\0'), std::string(2, '\0'), std::string("a\0b", 3),
        std::string("\x7f"), std::string("\x80"), std::string("\xff\xff"), std::string("a")}) {
    both.put(key, "v" + key);
  }
  expect_equal(both.tree, both.model);
}

TEST(KvTree, VisitsFromAKeyOnAndStopsWhenTold) {
  Both both;
  for (unsigned n = 100; n < 1000; ++n) both.put(std::to_string(n), "");
  for (unsigned n = 100; n < 1000; n += 2) both.erase(std::to_string(n));
  std::vector<std::string> seen;
  both.tree.visit("500", [&](const auto& pair) {
    seen.push_back(pair->key);
    return seen.size() < 3;
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"501", "503", "505"}));
  both.tree.visit("9990", [&](const auto&) {
    ADD_FAILURE() << "there is nothing behind the last";
    return true;
  });
}

}  // namespace
}  // namespace walkit::kv
