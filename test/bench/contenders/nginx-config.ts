import { userInfo } from "node:os";

/** The text of a configuration that touches nothing outside its folder. */
export function nginxConfig({
  folder,
  workers,
  http,
}: {
  readonly folder: string;
  readonly workers: number;
  /** What stands inside of `http`. */
  readonly http: string;
}): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(" ");
  // As who we are: workers of root become nobody, who may not read our folder.
  return `user ${userInfo().username}; daemon off; worker_processes ${workers}; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 20000; }
http { ${temporary} ${http} }
`;
}
