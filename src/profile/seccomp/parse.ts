import { parseDocuments, type Value } from '../document.ts';
import { ProfileError } from '../error.ts';
import { API_GROUP, type Form, KIND, type Profile, type RolloutSettings } from './model.ts';
import { defined, type Fields, optional, readBody, readErrno, refuseOthers, required } from './parse-body.ts';

/** The same schema in both (SPO's conversion copies them). */
const VERSIONS = ['v1', 'v1beta1'].map((version) => `${API_GROUP}/${version}`);

const MAX_COUNT = 2n ** 31n - 1n;

export interface ParsedProfile {
  readonly profile: Profile;
  readonly form: Form;
  /** `file:line:column: …` of each name that Linux has no call for, on any architecture. */
  readonly unknownNames: readonly string[];
}

export interface ParseOptions {
  /** `keep` (default): they are told in `unknownNames`, as a newer kernel may have them. `error`: the first is thrown. */
  readonly unknownNames?: 'keep' | 'error';
}

/**
 * Reads a SeccompProfile custom resource (YAML or JSON, the one of this kind among several documents) or the JSON that
 * runc, crun, Docker and Podman take.
 * @throws ProfileError with file, line and column of the first thing that is wrong.
 */
export function parseProfile(text: string, file: string, options: ParseOptions = {}): ParsedProfile {
  const documents = parseDocuments(text, file);
  const unknownNames: string[] = [];
  const { form, document } = chooseDocument(documents, file);
  if (form === 'raw') assertJson(text, file);
  const profile = form === 'raw' ? readRaw(document, unknownNames) : readCustomResource(document, unknownNames);
  if (options.unknownNames === 'error' && unknownNames[0] !== undefined) throw new ProfileError(unknownNames[0]);
  return { profile, form, unknownNames };
}

function chooseDocument(documents: readonly Value[], file: string): { form: Form; document: Value } {
  const kinds = documents.map((document) => (document.isMap ? document.fields().get('kind') : undefined));
  const resources = documents.filter((_, index) => kinds[index]?.isText(KIND));
  const [resource, second] = resources;
  if (second) second.fail(`a second ${KIND}: put each in a file of its own`);
  if (resource) return { form: 'custom-resource', document: resource };
  for (const kind of kinds) kind?.fail(`${kind.describe()} is not ${KIND}`);
  const [only, other] = documents;
  if (!only || other) throw new ProfileError(`no document of kind ${KIND}`, file);
  return { form: 'raw', document: only };
}

/** What reads raw profiles takes JSON alone; YAML's other liberties (a trailing comma, comments) would fail there. */
function assertJson(text: string, file: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const at = /line (\d+) column (\d+)/.exec((error as Error).message);
    const reason = (error as Error).message.replace(/ (?:in JSON )?at position.*$/s, '').replace(/, "[\s\S]*$/, '');
    const position = at ? { line: Number(at[1]), column: Number(at[2]) } : undefined;
    throw new ProfileError(`a raw profile has to be JSON: ${reason}`, file, position);
  }
}

function readTexts(value: Value): Record<string, string> {
  return Object.fromEntries([...value.fields()].map(([key, text]) => [key, text.text()]));
}

/** `disabled: true` was what is now `state: Disabled`, up to SPO 0.9. */
function readState(body: Fields): 'Disabled' | undefined {
  const state = optional(body, 'state', (value) => value.oneOf(['Enabled', 'Disabled']));
  const disabled = optional(body, 'disabled', (value) => value.boolean());
  return state === 'Disabled' || disabled ? 'Disabled' : undefined;
}

function readRollout(value: Value): RolloutSettings {
  const fields = value.fields();
  refuseOthers(fields, ['mode', 'promoteAfter', 'minContainers', 'minNodes']);
  const count = (one: Value) => Number(one.integer(1n, MAX_COUNT));
  return defined({
    mode: optional(fields, 'mode', (mode) => mode.oneOf(['Audit', 'Enforce'])),
    promoteAfter: optional(fields, 'promoteAfter', (time) =>
      /^([0-9]+(s|m|h))+$/.test(time.text()) ? time.text() : time.fail('a time such as 24h or 1h30m is expected'),
    ),
    minContainers: optional(fields, 'minContainers', count),
    minNodes: optional(fields, 'minNodes', count),
  });
}

/** Unknown fields of `spec` are refused: the API server would drop them, and enforce something else than was written. */
function readCustomResource(document: Value, unknownNames: string[]): Profile {
  const fields = document.fields();
  refuseOthers(fields, ['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  required(document, fields, 'apiVersion').oneOf(VERSIONS);
  const metadata = optional(fields, 'metadata', (value) => value.fields()) ?? new Map<string, Value>();
  const spec = required(document, fields, 'spec');
  const body = spec.fields();
  const own = ['defaultAction', 'architectures', 'flags', 'listenerPath', 'listenerMetadata', 'syscalls'];
  refuseOthers(body, [...own, 'baseProfileName', 'state', 'disabled', 'rollout']);
  return {
    ...defined({
      name: optional(metadata, 'name', (value) => value.text()),
      labels: optional(metadata, 'labels', readTexts),
      annotations: optional(metadata, 'annotations', readTexts),
      state: readState(body),
      rollout: optional(body, 'rollout', readRollout),
      baseProfileName: optional(body, 'baseProfileName', (value) => value.text() || undefined),
    }),
    ...readBody(spec, body, 'custom-resource', unknownNames),
  };
}

function readRaw(document: Value, unknownNames: string[]): Profile {
  const fields = document.fields();
  const own = ['defaultAction', 'defaultErrnoRet', 'defaultErrno', 'architectures', 'archMap', 'flags'];
  refuseOthers(fields, [...own, 'listenerPath', 'listenerMetadata', 'syscalls']);
  const defaultErrnoRet = readErrno(fields, 'defaultErrnoRet', 'defaultErrno');
  return { ...readBody(document, fields, 'raw', unknownNames), ...defined({ defaultErrnoRet }) };
}
