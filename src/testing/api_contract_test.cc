#include "testing/api_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDescription = R"(
paths:
  /things/{id}:
    get:
      responses:
        "200":
          content:
            application/json:
              schema:
                type: object
                required: [id, parts]
                properties:
                  id: {type: string}
                  kind: {enum: [a, b]}
                  parts: {type: array, maxItems: 2, items: {$ref: "#/components/schemas/Part"}}
        "404": {$ref: "#/components/responses/Gone"}
        "409": {content: {application/json: {schema: {type: object, required: [odd]}}}}
        "503": {$ref: "#/components/responses/Gone"}
    delete:
      responses:
        "204": {description: It is gone.}
components:
  responses:
    Gone: {content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}}
  schemas:
    Part: {anyOf: [{type: integer, minimum: 0}, {type: object, additionalProperties: {type: ["null", boolean]}}]}
    Error: {type: object, required: [error], properties: {ok: {const: false}}}
)";

std::string fault(int status, const std::string& body, const char* method = "GET", const char* path = "/things/{id}",
                  const char* type = "application/json", const char* header = "") {
  static const ApiContract contract(kDescription);
  http::Response response;
  response.status = status;
  response.body = body;
  response.content_type = type;
  response.headers = {{header, "x"}};
  return contract.fault_of(method, path, response);
}

TEST(ApiContract, TakesWhatIsDescribed) {
  EXPECT_EQ(fault(200, R"({"id":"x","parts":[],"more":1})"), "");
  EXPECT_EQ(fault(200, R"({"id":"x","kind":"b","parts":[7,{"a":null,"b":true}]})"), "");
  EXPECT_EQ(fault(404, R"({"error":{},"ok":false})"), "");
  EXPECT_EQ(fault(204, "", "DELETE"), "");
  EXPECT_EQ(fault(200, "", "HEAD"), "");
  EXPECT_EQ(fault(404, R"({"error":1})", "GET", ""), "");
  EXPECT_EQ(fault(405, R"({"error":1})", "POST", "/things/{id}", "application/json", "Allow"), "");
  EXPECT_EQ(fault(405, R"({"odd":1})", "POST", "/things/{id}", "application/json", "Allow"), "") << "as its 409 is";
}

TEST(ApiContract, FindsWhatIsNot) {
  EXPECT_THAT(fault(418, "{}"), HasSubstr("status"));
  EXPECT_THAT(fault(418, "", "HEAD"), HasSubstr("status"));
  EXPECT_THAT(fault(200, "no JSON"), HasSubstr("no JSON"));
  EXPECT_THAT(fault(200, "{}", "GET", "/things/{id}", "text/html"), HasSubstr("content type"));
  EXPECT_THAT(fault(200, R"({"id":"x"})"), HasSubstr("body: has no parts"));
  EXPECT_THAT(fault(200, R"({"id":1,"parts":[]})"), HasSubstr("body.id: is of type integer"));
  EXPECT_THAT(fault(200, R"({"id":"x","parts":{}})"), HasSubstr("body.parts: is of type object"));
  EXPECT_THAT(fault(200, R"({"id":"x","kind":"c","parts":[]})"), HasSubstr("body.kind: c"));
  EXPECT_THAT(fault(200, R"({"id":"x","parts":[1,-1]})"), HasSubstr("body.parts[1]"));
  EXPECT_THAT(fault(200, R"({"id":"x","parts":[{"a":"text"}]})"), HasSubstr("body.parts[0].a"));
  EXPECT_THAT(fault(200, R"({"id":"x","parts":[1,2,3]})"), HasSubstr("more than 2"));
  EXPECT_THAT(fault(404, R"({"error":{},"ok":true})"), HasSubstr("body.ok: is not false"));
  EXPECT_THAT(fault(204, "text", "DELETE"), HasSubstr("a body"));
  EXPECT_THAT(fault(503, R"({"error":1})"), HasSubstr("Retry-After"));
  EXPECT_THAT(fault(405, R"({"error":1})", "POST"), HasSubstr("Allow"));
  EXPECT_THAT(fault(405, R"({"fault":1})", "POST", "/things/{id}", "application/json", "Allow"),
              HasSubstr("has no error"));
  EXPECT_THAT(fault(200, "{}", "GET", ""), HasSubstr("nothing is at this address"));
  EXPECT_THAT(fault(404, "text", "GET", ""), HasSubstr("JSON"));
}

}  // namespace
}  // namespace freshet
