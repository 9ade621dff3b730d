/** One link of RFC 8288 §3: its target in angle brackets, and its parameters with what they hold. */
const LINK =
  /<([^<>]*)>((?:\s*;\s*[\w!#$%&'*+.^`|~-]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]*))?)*)/g;
const PARAMETER = /;\s*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g;

/**
 * The targets that a `Link` field gives for a relation, as they stand there, in order: absolute URLs, or
 * relative to the URL of the answer.
 *
 * @param field Several fields of this name joined by commas.
 */
export function linksIn(field: string | undefined, relation: string): string[] {
  return [...(field ?? "").matchAll(LINK)].flatMap(([, target = "", parameters = ""]) => {
    const [rel] = [...parameters.matchAll(PARAMETER)].filter(([, name]) =>
      /^rel$/i.test(name ?? ""),
    );
    const relations = (rel?.[2] ?? rel?.[3] ?? "").toLowerCase().split(/\s+/);
    return relations.includes(relation) ? [target] : [];
  });
}
