#include "dialect/rpyc/references.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sinew::dialect::rpyc {
namespace {

constexpr std::size_t kDepth = 3;

void write_reference(Writer& out, Label label, std::int64_t instance) {
  write_label(out, label);
  write_object_id(out, {"a.B", 7, instance});
}

/// The instance numbers that are visited, and what went wrong.
struct Found {
  std::vector<std::int64_t> instances;
  Result<void> result;
};

Found find(const Writer& box) {
  Found found;
  Reader in(box.copied());
  found.result = for_each_import(in, kDepth, [&](const object::ObjectIdView& id) {
    EXPECT_EQ(id.name, "a.B");
    found.instances.push_back(id.instance_id);
  });
  return found;
}

TEST(References, AValueHasNone) {
  Writer out;
  write_label(out, Label::kValue);
  wire::write_text(out, "text");
  const Found found = find(out);
  EXPECT_TRUE(found.result);
  EXPECT_TRUE(found.instances.empty());
}

TEST(References, ThoseOfTheSenderAreVisitedInOrder) {
  Writer out;
  write_label(out, Label::kTuple);
  wire::write_tuple_header(out, 4);
  write_reference(out, Label::kRemoteRef, 1);
  write_reference(out, Label::kLocalRef, 2);  // ours: it came back, nothing was lent
  write_label(out, Label::kValue);
  wire::write_tuple_header(out, 2);
  wire::write_int(out, 5);
  wire::write_text(out, "x");
  write_label(out, Label::kTuple);
  wire::write_tuple_header(out, 1);
  write_reference(out, Label::kRemoteRef, 3);
  const Found found = find(out);
  EXPECT_TRUE(found.result);
  EXPECT_EQ(found.instances, (std::vector<std::int64_t>{1, 3}));
  std::vector<std::int64_t> ours;
  Reader in(out.copied());
  EXPECT_TRUE(for_each_export(
      in, kDepth, [&](const object::ObjectIdView& id) { ours.push_back(id.instance_id); }));
  EXPECT_EQ(ours, std::vector<std::int64_t>{2});
}

TEST(References, WhatHasALabelThatDoesNotExistIsPassedOver) {
  Writer out;
  write_label(out, Label::kTuple);
  wire::write_tuple_header(out, 2);
  wire::write_tuple_header(out, 2);
  wire::write_int(out, 99);
  wire::write_text(out, "x");
  write_reference(out, Label::kRemoteRef, 3);
  const Found found = find(out);
  EXPECT_TRUE(found.result);
  EXPECT_EQ(found.instances, std::vector<std::int64_t>{3});
}

TEST(References, NestingIsBounded) {
  Writer out;
  for (std::size_t i = 0; i <= kDepth; ++i) {
    write_label(out, Label::kTuple);
    wire::write_tuple_header(out, 1);
  }
  write_reference(out, Label::kRemoteRef, 1);
  EXPECT_EQ(find(out).result.error(), Errc::kTooDeep);
}

TEST(References, ABoxThatEndsTooSoonIsAnErrorBehindWhatWasFound) {
  Writer out;
  write_label(out, Label::kTuple);
  wire::write_tuple_header(out, 2);
  write_reference(out, Label::kRemoteRef, 1);
  const Found found = find(out);
  EXPECT_FALSE(found.result);
  EXPECT_EQ(found.instances, std::vector<std::int64_t>{1});
}

}  // namespace
}  // namespace sinew::dialect::rpyc
