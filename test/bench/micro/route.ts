import { buildRoutes } from "../../../src/config/route.ts";
import { choosePlace } from "../../../src/http/path-route.ts";
import { forwardTo, hostname, httpBackend, pathRoute } from "../../support/relay-world.ts";
import { makeHost } from "../../support/tls-door.ts";
import { admitted } from "./admit.ts";
import { requests } from "./messages.ts";
import type { MicroCase } from "./micro-case.ts";

/** From the name to its entry: of so many hosts, each in turn, so that no cache has only one to keep. */
const lookups = [10, 10_000, 100_000].map((count): MicroCase => {
  const names = Array.from({ length: count }, (_, index) => hostname(`h${index}.shop.example`));
  const routes = buildRoutes(names.map((name) => makeHost(name)));
  let at = 0;
  return {
    name: `route: a host of ${count.toLocaleString("en")}`,
    expected: "exact",
    run: () => {
      at = (at + 7_919) % count;
      const name = names[at];
      return name && routes.find(name)?.pattern.kind;
    },
  };
});

const wildcards = buildRoutes([makeHost("*.shop.example")]);
const underWildcard = hostname("any.shop.example");
const wildcard: MicroCase = {
  name: "route: a host under a wildcard",
  expected: "wildcard",
  run: () => wildcards.find(underWildcard)?.pattern.kind,
};

/** From the target to its entry, by every reading of the path. */
const paths = [1, 10].map((count): MicroCase => {
  const backends = [httpBackend(80)];
  const others = Array.from({ length: count - 1 }, (_, index) =>
    pathRoute(backends, { prefix: `/api/${index}` }),
  );
  const action = forwardTo(backends);
  if (action.kind !== "forward") throw new TypeError("Cannot measure paths: nothing is forwarded");
  const request = admitted(requests["browser"] ?? "");
  const all = { ...action, paths: [...others, ...action.paths] };
  return {
    name: `route: a path of ${count}`,
    expected: "/",
    run: () => {
      const place = choosePlace(all, request);
      return place && "prefix" in place ? place.prefix : undefined;
    },
  };
});

export const routeCases: readonly MicroCase[] = [...lookups, wildcard, ...paths];
