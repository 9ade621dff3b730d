import { forEachAtOnce } from "../base/at-once.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { failureFacts } from "../base/log.ts";
import type { RolloverOutcome } from "../base/rollover-outcome.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import { ownNameOf } from "../config/route.ts";
import type {
  ArmedChallenge,
  CertificateOutcome,
  HeldCredential,
} from "../process/certificate-news.ts";
import type { ClientAddress } from "../process/messages.ts";
import type { CertificateKeeper } from "./ensure.ts";
import { tellFlaws } from "./flaw-log.ts";
import { GivenWatch } from "./given-watch.ts";
import { listCertificates } from "./list.ts";
import { type OperatorOutcome, type OperatorRequest, obey } from "./operator.ts";
import { type FloorSteps, type Parts, plugTogether } from "./parts.ts";
import { Probes } from "./probe.ts";
import { keepRenewing } from "./renew.ts";
import { forgetSpentOrders } from "./spent-orders.ts";
import type { TroubleWatch } from "./trouble-watch.ts";
import type { Workers } from "./workers.ts";

/** The certificate path as the manager process talks to it: its loops, and what workers and operators ask. */
export class CertificateFloor {
  readonly #steps: FloorSteps;
  readonly #parts: Parts;
  /** Those who serve what is certified here. */
  readonly workers: Workers;
  /** Answers an operator's look at where names lead. */
  readonly probes: Probes;
  /** Sees what is wrong. */
  readonly troubles: TroubleWatch;
  readonly #given: GivenWatch;

  constructor(steps: FloorSteps) {
    this.#steps = steps;
    this.#given = new GivenWatch(steps.config, steps.clock);
    this.#parts = plugTogether(steps, () => this.#given.all.values());
    this.workers = this.#parts.workers;
    this.troubles = this.#parts.troubles;
    this.probes = new Probes(this.workers.challenges, this.#parts.holdings);
  }

  /** Takes over everything that is stored. */
  async open(): Promise<void> {
    const { config, storage } = this.#steps;
    await this.#parts.cas.budgets.open();
    await this.#parts.revocations.settle();
    const { recall } = this.#parts.keeper;
    const listed = config.hosts.map(ownNameOf).filter((own) => own !== undefined);
    await forEachAtOnce(listed, limits.adoptedAtOnce, (own) => recall.adopt(own, true));
    await this.#parts.legacy.accept(recall);
    await this.#given.open();
    const onDemand = (await storage.certificates.list()).filter((name) => {
      const entry = this.#steps.findHost(name);
      return entry?.certificate.kind === "acme" && ownNameOf(entry) === undefined;
    });
    await forEachAtOnce(onDemand, limits.adoptedAtOnce, (name) => recall.adopt(name, false));
    await forgetSpentOrders(storage, this.#steps.log);
  }

  /** Orders and renews until the signal ends it; begins when a worker can answer challenges. */
  async run(): Promise<void> {
    const { config, clock, signal } = this.#steps;
    const { changed } = this.#given;
    const given = () => this.#given.all.values();
    const telling = tellFlaws({ ...this.#steps, given, changed }, signal);
    void this.#parts.proofs.recover(); // name servers may be slow, and orders need not wait for them
    const watching = this.#parts.gate.keepWatching(signal);
    await this.workers.canAnswer();
    const steps = {
      holdings: this.#parts.holdings,
      clock,
      bell: this.#parts.bell,
      renewal: config.renewal,
      // Of a name that is certified for another program no visitor ever asks us.
      atStart: (host: CertificateName) =>
        config.acme.issue === "at-start" ||
        this.#steps.findHost(host)?.action.kind === "certificate-only",
      renew: (holding: Parameters<CertificateKeeper["renew"]>[0]) =>
        this.#parts.keeper.renew(holding),
      forget: (holding: Parameters<CertificateKeeper["renew"]>[0]) =>
        this.#parts.keeper.forget(holding),
      saveUnsaved: () => this.#parts.saveUnsaved(),
    };
    const looking = [
      this.#parts.outlook,
      this.troubles,
      this.#parts.commands,
      this.#parts.watchdog,
      this.#parts.deletions,
      this.#given,
      this.#parts.revocations.untold,
    ];
    const polling = this.#parts.watch.keepAsking(signal);
    await Promise.all([
      keepRenewing(steps, signal),
      polling,
      telling,
      watching,
      ...looking.map((each) => each.run(signal)),
    ]);
  }

  /** Resolves, soon, when nothing is left in DNS of the orders that the signal ended. */
  settled(): Promise<void> {
    return this.#parts.proofs.settled();
  }

  /** A visitor came for a name without a certificate, or with files given by hand that cannot be used. Never rejects. */
  async need(host: CertificateName, client?: ClientAddress): Promise<CertificateOutcome> {
    try {
      const source = this.#steps.findHost(host)?.certificate;
      if (source?.kind === "manual") return await this.#given.outcomeFor(host, source);
      return await this.#parts.keeper.ensure(host, client);
    } catch (error) {
      this.#steps.log.error("certificate.need-failed", { host, ...failureFacts(error) });
      return { kind: "unavailable" };
    }
  }

  /** An operator's word about one name. Never rejects. */
  async obey(name: CertificateName, request: OperatorRequest): Promise<OperatorOutcome> {
    const { findHost } = this.#steps;
    const { revocations } = this.#parts;
    const steps = {
      isKnown: (host: CertificateName) => findHost(host) !== undefined,
      orderNow: (host: CertificateName) => this.#parts.keeper.orderNow(host),
      holding: (host: CertificateName) => this.#parts.holdings.get(host),
      isServed: (host: CertificateName) => this.workers.isServed(host),
      revocation: revocations,
    };
    if (request.action !== "revoke") return await obey(steps, name, request);
    return await revocations.untold.during(name, () => obey(steps, name, request));
  }

  /** New keys for our accounts, with every CA or with the one of this directory. Never rejects. */
  rollOver(directory: string | undefined): Promise<readonly RolloverOutcome[]> {
    return this.#parts.cas.rollOver(directory);
  }

  /** Has this name a certificate, or would it get one? Who cannot be decided about is refused, and asks again. Never rejects. */
  async isAllowed(host: UriHost, client: ClientAddress): Promise<boolean> {
    try {
      return await this.#parts.gate.isAllowed(host, client);
    } catch (error) {
      this.#steps.log.error("certificate.need-failed", { host, ...failureFacts(error) });
      return false;
    }
  }

  /** For a worker that starts: what is not on disk. */
  get state(): {
    readonly challenges: readonly ArmedChallenge[];
    readonly unsaved: readonly HeldCredential[];
  } {
    const unsaved = [...this.#parts.holdings.all()].flatMap(({ host, certificate }) =>
      certificate?.unsaved === undefined
        ? []
        : [{ host, issuance: certificate.issuance, ...certificate.unsaved }],
    );
    return { challenges: this.workers.challenges.armed, unsaved };
  }

  /** A row for every host. */
  list(): CertificateRecord[] {
    const { clock, config, findHost } = this.#steps;
    return listCertificates({
      hosts: config.hosts,
      holdings: this.#parts.holdings,
      findHost,
      given: this.#given.all,
      now: clock.now(),
      troubleOf: (pattern) => this.#parts.gate.troubleOf(pattern),
    });
  }
}
