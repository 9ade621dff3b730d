/** How Prometheus reads a metric. */
export type MetricType = "counter" | "gauge" | "histogram";

/** What is said of a metric beside its numbers. */
export interface Metric {
  readonly type: MetricType;
  /** The names of its labels, in the order in which rows bring their values. */
  readonly labels: readonly string[];
  /** One sentence, without its full stop. */
  readonly help: string;
}

function gauge(help: string, ...labels: readonly string[]): Metric {
  return { type: "gauge", labels, help };
}

function histogram(help: string, ...labels: readonly string[]): Metric {
  return { type: "histogram", labels, help };
}

function counter(help: string, ...labels: readonly string[]): Metric {
  return { type: "counter", labels, help };
}

/**
 * Every metric of `GET /metrics`, by its name. Names and units as Prometheus
 * has them: seconds and bytes, `_total` for what only grows. The values of every label are a bounded set.
 */
export const METRICS = {
  latchkey_info: gauge("Always 1; says the version of the program", "version"),
  latchkey_start_time_seconds: gauge("When the program started, in Unix time"),
  latchkey_manager_start_time_seconds: gauge(
    "When the manager started, in Unix time: every counter begins then",
  ),
  latchkey_config_load_time_seconds: gauge(
    "When the configuration in force was read, in Unix time",
  ),
  latchkey_config_last_reload_successful: gauge(
    "1 when the file, as it was read last, is in force, 0 when it was rejected",
  ),
  latchkey_workers: gauge("Workers that are alive", "state"),
  latchkey_process_resident_memory_bytes: gauge("Memory that a process holds", "process"),
  latchkey_process_cpu_seconds_total: counter(
    "Processor time that a process has used, in user and system mode",
    "process",
  ),
  latchkey_workers_silent: gauge(
    "Workers that did not answer in time: what they have counted comes later",
  ),
  latchkey_event_loop_delay_p99_seconds: gauge(
    "How late a process was for its work since the last scrape, but for the worst hundredth",
    "process",
  ),
  latchkey_event_loop_delay_max_seconds: gauge(
    "How late a process was for its work since the last scrape, at worst",
    "process",
  ),
  latchkey_connections_open: gauge("Connections of clients that are open, on all ports"),
  latchkey_connections_accepted_total: counter("Connections of clients that were accepted"),
  latchkey_connections_refused_total: counter(
    "Connections that were not served, by the code in the log",
    "code",
  ),
  latchkey_tls_handshakes_total: counter("TLS handshakes of clients that have ended", "outcome"),
  latchkey_requests_under_way: gauge("Requests that are being answered"),
  latchkey_requests_total: counter("Requests that have ended", "protocol", "method", "status"),
  latchkey_host_requests_total: counter(
    "Requests of HTTPS that have ended, by host and class of their status",
    "host",
    "class",
  ),
  latchkey_request_duration_seconds: histogram(
    "From the first byte of a request's head to the last byte of its answer",
  ),
  latchkey_request_body_bytes_total: counter("Content taken from clients"),
  latchkey_response_body_bytes_total: counter("Content given to clients"),
  latchkey_backend_failures_total: counter(
    "Failures of backends at requests that they were tried with",
    "kind",
  ),
  latchkey_backend_retries_total: counter(
    "Requests that were sent once more, to the same backend or to another one",
  ),
  latchkey_certificate_state: gauge(
    "Always 1; says in which state of its life the certificate of a host is",
    "host",
    "state",
  ),
  latchkey_certificate_not_after_seconds: gauge(
    "When the certificate in use ends, in Unix time",
    "host",
  ),
  latchkey_certificate_renew_at_seconds: gauge(
    "When the certificate is to be renewed, in Unix time",
    "host",
  ),
  latchkey_certificates_left_out: gauge("Hosts that have no rows here because there are too many"),
  latchkey_certificate_attempts_total: counter(
    "Attempts to get a certificate that have ended",
    "issuer",
    "outcome",
  ),
  latchkey_troubles: gauge("What a person should know of now, as alerts tell it", "kind"),
  latchkey_alerts_total: counter("Alerts that were to be delivered", "kind", "outcome"),
  latchkey_backend_up: gauge(
    "1 when the last health check found the backend up, 0 when not; others have no row",
    "host",
    "path",
    "backend",
  ),
  latchkey_backend_state: gauge(
    "Always 1; says what is known of a backend",
    "host",
    "path",
    "backend",
    "state",
  ),
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;
