import type { CertificateName } from "../base/certificate-name.ts";
import type { WorkerCounts } from "../base/counts.ts";
import type { LoopDelays } from "../base/loop-delay.ts";
import type { OwnDoor } from "../base/own-door.ts";
import type { ProcessUse } from "../base/process-use.ts";
import type { ReloadOutcome } from "../base/reload-outcome.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Config } from "../config/config.ts";
import type {
  ArmedChallenge,
  CertificateOutcome,
  HeldCredential,
  IssuanceNews,
  UnsavedCertificate,
} from "./certificate-news.ts";

/**
 * The contract between the processes, types only. Everything passes through the supervisor, which
 * reads `to` and nothing else of what children say to each other.
 */
export const PROTOCOL_VERSION = 1;

/** A process of ours. `workers` means every worker that is alive. */
export type Address = "supervisor" | "manager" | "workers" | `worker ${number}`;

/** Which worker this is; NaN: it is none. */
export function workerIndexOf(address: Address): number {
  return Number(address.slice("worker ".length));
}

export interface Envelope {
  /** A child of another version is replaced: after a package upgrade old and new must not talk. */
  readonly version: typeof PROTOCOL_VERSION;
  readonly from: Address;
  readonly to: Address;
  readonly message: Message;
}

export type Message =
  | FromSupervisor
  | ToSupervisor
  | WorkerToManager
  | ManagerToWorkers
  | ManagerToWorker
  | ManagerToSupervisor
  | SupervisorToManager;

/** Supervisor → one child, or all. */
export type FromSupervisor =
  /** The first message a child gets. */
  | {
      readonly type: "configure";
      readonly config: Config;
      /** Descriptors of listening sockets in this process; empty for the manager. */
      readonly httpsFds: readonly number[];
      readonly httpFds: readonly number[];
      /** Descriptor of the access log file, if there is one. */
      readonly accessLogFd: number | undefined;
      /** When the program started. */
      readonly startedAt: number;
      /** When this configuration was read. */
      readonly configuredAt: number;
      /** Why a later one was rejected; `undefined`: none was. */
      readonly rejection: string | undefined;
      /** Which manager of the program this one is, from 1 on: what a later one says is newer. 0 for a worker. */
      readonly era: number;
      /** Which of the workers' places this one fills, from 0 on: its successor fills the same. 0 for the manager. */
      readonly place: number;
      /** Where this very program can be reached on this machine, for looking at itself. */
      readonly reach: { readonly https: readonly Reach[]; readonly http: readonly Reach[] };
      /** What is configured and cannot be listened on now. */
      readonly unbound: readonly Unbound[];
      /** What managers of before could not save; empty for a worker. */
      readonly unsaved: readonly UnsavedCertificate[];
    }
  /** Who is alive and ready now; sent on every change. */
  | {
      readonly type: "peers";
      readonly manager: ManagerState;
      readonly workers: readonly WorkerFacts[];
      /** `undefined`: they live as they should. */
      readonly crashing: Crashing | undefined;
    }
  /** The file was read again, and rejected: the configuration of before stays in force. */
  | { readonly type: "reload.rejected"; readonly rejection: string }
  /** Take no new work, finish what is under way until `deadlineMs` from now, then exit 0. Said again, the nearer end counts. */
  | {
      readonly type: "drain";
      readonly deadlineMs: number;
      /** Is there to be another one of its kind in its place, a manager on the same admin socket? The last word counts. */
      readonly isReplaced: boolean;
    };

/** A TCP address of this very program on this machine. */
export type Reach = OwnDoor;

/** An address of the configuration on which we cannot listen, as it is written there, and why. */
export interface Unbound {
  readonly address: string;
  readonly why: string;
}

/** `starting`: what is asked of it waits in its pipe; `away`: nobody gets it. */
export type ManagerState = "ready" | "starting" | "away";

/** Children end unasked, again and again. */
export interface Crashing {
  /** How many, since it began. */
  readonly count: number;
  /** The last one, and how it ended; neither code nor signal is known of one that could not be started. */
  readonly child: Address;
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

export interface WorkerFacts {
  readonly index: number;
  readonly pid: number;
  readonly startedAt: number;
  readonly ready: boolean;
  /** Does it follow the configuration of now, and listen where that says? The others finish what they have. */
  readonly isCurrent: boolean;
  /** Does it take no more connections? */
  readonly isDraining: boolean;
}

/** A child → supervisor. */
export type ToSupervisor =
  | { readonly type: "ready" }
  | { readonly type: "heartbeat" }
  /** It takes no more connections; those that are open go on. */
  | { readonly type: "closed" }
  /** The child cannot do its work, and starting it again would not help: the program ends with exit code 1. */
  | { readonly type: "fatal"; readonly code: string; readonly detail: string };

/** What a worker cannot do now, in words; `undefined`: it can. */
export interface Strain {
  /** Take every new connection: of what there is too little, for some time now. */
  readonly refusing: string | undefined;
  /** Write into the file of the access log. */
  readonly accessLog: string | undefined;
}

/** Who brings a name: its IP address; `undefined` for a trusted proxy, behind which anybody may be. */
export type ClientAddress = string | undefined;

/** Worker → manager. `ask` is chosen by the worker; the answer repeats it. */
export type WorkerToManager =
  /** The first thing a worker says: what do you know that is not on disk? */
  | { readonly type: "state.ask"; readonly ask: number }
  /** A visitor came for a name that this worker has no certificate for. */
  | {
      readonly type: "certificate.ask";
      readonly ask: number;
      readonly host: CertificateName;
      readonly client: ClientAddress;
    }
  /** Would this name get a certificate if it were asked for now? Orders nothing. */
  | {
      readonly type: "policy.ask";
      readonly ask: number;
      readonly host: UriHost;
      readonly client: ClientAddress;
    }
  /** What a client of that name gets from this worker; `undefined`: it holds none, and will load it at need. */
  | { readonly type: "serial.answer"; readonly ask: number; readonly serial: string | undefined }
  /** What this worker has counted and needs. */
  | {
      readonly type: "counts.answer";
      readonly ask: number;
      readonly counts: WorkerCounts;
      readonly use: ProcessUse;
      /** Only of those that are asked for it. */
      readonly delays: LoopDelays | undefined;
    }
  /** What this worker cannot do now; told when it changes, and to each manager. */
  | { readonly type: "strain.news"; readonly strain: Strain }
  /** What clients have spent of rates here since the last time; the other workers should know. */
  | { readonly type: "rates.spent"; readonly spent: readonly Spent[] }
  /** It ends, and has counted this. */
  | { readonly type: "counts.last"; readonly counts: WorkerCounts }
  /** This worker answers the challenge from now on. */
  | { readonly type: "challenge.acknowledged"; readonly challenge: number }
  /** This worker serves that serial from now on (`undefined`: it does not hold the name, and will load it at need). */
  | {
      readonly type: "certificate.acknowledged";
      readonly announcement: number;
      readonly host: CertificateName;
      readonly serial: string | undefined;
    };

/** Requests of one client that one worker let pass. */
export interface Spent {
  /** Stands for the limit's place in the configuration. */
  readonly scope: string;
  /** As it is counted: an IPv4 address, the /64 of an IPv6 one. */
  readonly client: string;
  readonly count: number;
}

/** What the worker of this index let pass. */
export interface SpentSomewhere extends Spent {
  readonly worker: number;
}

/** Manager → one worker: an answer, or a question of its own. */
export type ManagerToWorker =
  /** Which certificate do you serve under that name? */
  | { readonly type: "serial.ask"; readonly ask: number; readonly host: CertificateName }
  /** What have you counted? With `withDelays`, how late is your work, too? */
  | { readonly type: "counts.ask"; readonly ask: number; readonly withDelays: boolean }
  | {
      readonly type: "state.answer";
      readonly ask: number;
      readonly challenges: readonly ArmedChallenge[];
      /** Credentials that could not be saved and live in memory only. */
      readonly unsaved: readonly HeldCredential[];
      readonly ticketMaster: string;
      readonly backends: BackendsNews;
    }
  | { readonly type: "policy.answer"; readonly ask: number; readonly isAllowed: boolean }
  | {
      readonly type: "certificate.answer";
      readonly ask: number;
      readonly outcome: CertificateOutcome;
    };

/** Manager → every worker. */
export type ManagerToWorkers =
  | { readonly type: "challenge.arm"; readonly challenge: ArmedChallenge }
  | { readonly type: "challenge.disarm"; readonly challenge: number }
  /** A name has a new certificate. */
  | ({ readonly type: "certificate.announce"; readonly announcement: number } & IssuanceNews)
  | { readonly type: "backends.news"; readonly backends: BackendsNews }
  /** What clients have spent in all workers, also in the one that hears it. */
  | { readonly type: "rates.news"; readonly spent: readonly SpentSomewhere[] }
  /** Base64 of 32 random bytes from which the session ticket keys of every host are derived. */
  | { readonly type: "tickets.master"; readonly ticketMaster: string };

/** Where a backend stands in the configuration, in the words of `status`. */
export interface BackendPlace {
  /** The host as the file spells it, normalised: `*.shop.example`. */
  readonly host: string;
  /** The prefix of the route. */
  readonly path: string;
  readonly backend: string;
}

/** What the manager knows of backends. */
export interface BackendsNews {
  /** Base64 of 32 bytes, of which are made the cookies that hold clients to backends, and the id in CDN-Loop. */
  readonly cookieSecret: string;
  /** All that operators drained. */
  readonly drained: readonly BackendPlace[];
  /** Those that the news are of; of the others a worker goes on to believe what it heard last. */
  readonly checked: readonly (BackendPlace & { readonly isHealthy: boolean })[];
}

/** Manager → supervisor. */
export type ManagerToSupervisor =
  /** An operator wants the configuration read again. */
  { readonly type: "reload.ask"; readonly ask: number } | UnsavedNews;

/** Kept for the manager that comes after this one, however it ends. */
export interface UnsavedNews {
  readonly type: "unsaved.news";
  readonly host: CertificateName;
  /** `undefined`: nothing of this name lives in memory only any more. */
  readonly certificate: UnsavedCertificate | undefined;
}

/** Supervisor → the manager that asked. */
export type SupervisorToManager = {
  readonly type: "reload.answer";
  readonly ask: number;
  readonly outcome: ReloadOutcome;
};
