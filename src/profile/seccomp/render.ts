import { stringify } from 'yaml';
import { ProfileError } from '../error.ts';
import { canonicalProfile } from './canonical.ts';
import { API_GROUP, EPERM, type Form, KIND, type Profile, RESOURCE_ARCHITECTURES, type SyscallRule } from './model.ts';

const INT64_MAX = 2n ** 63n - 1n;

// TypeScript's library does not have it yet; Node has since version 22.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** An RFC 1123 subdomain, as Kubernetes wants for a name, made of any text: `My_App.sh` becomes `my-app.sh`. */
export function resourceName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .slice(0, 253)
    .split('.')
    .map((label) => label.replace(/^-+|-+$/g, ''))
    .filter(Boolean)
    .join('.');
  return name || 'profile';
}

/** The resource's schema is narrower than OCI's: what does not fit is refused, since dropping it would change the meaning. */
function assertFitsResource(profile: Profile): void {
  const refuse = (what: string) => {
    throw new ProfileError(`the ${KIND} resource cannot express ${what}: write a raw profile instead`);
  };
  if (profile.name === undefined) throw new ProfileError(`a ${KIND} resource needs a name`);
  const { defaultErrnoRet } = profile;
  if (defaultErrnoRet !== undefined && defaultErrnoRet !== EPERM) refuse(`defaultErrnoRet ${defaultErrnoRet}`);
  for (const arch of profile.architectures) if (!RESOURCE_ARCHITECTURES.includes(arch)) refuse(arch);
  for (const rule of profile.syscalls) {
    if (rule.errnoRet === 0) refuse(`errnoRet 0 of ${rule.names[0]}, where 0 means unset`);
    for (const { value, valueTwo } of rule.args ?? []) {
      if (value > INT64_MAX || valueTwo > INT64_MAX) refuse(`an argument of ${rule.names[0]} above 2^63-1`);
    }
  }
}

/** The field, unless there is nothing in it. */
function given<Key extends keyof Profile>(profile: Profile, key: Key): { [Name in Key]?: Profile[Key] } {
  const value = profile[key];
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {};
  return { [key]: value } as { [Name in Key]: Profile[Key] };
}

function renderRule({ names, action, errnoRet, args }: SyscallRule): object {
  return {
    names,
    action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args && {
      args: args.map(({ index, value, valueTwo, op }) => ({ index, value, ...(valueTwo !== 0n && { valueTwo }), op })),
    }),
  };
}

/** The fields that both forms have, in the order in which a person reads them. */
function renderBody(profile: Profile): object {
  return {
    ...given(profile, 'architectures'),
    ...given(profile, 'flags'),
    ...given(profile, 'listenerPath'),
    ...given(profile, 'listenerMetadata'),
    ...(profile.syscalls.length > 0 && { syscalls: profile.syscalls.map(renderRule) }),
  };
}

/**
 * The SeccompProfile custom resource, version v1, as YAML: names sorted, one entry for each action and set of arguments.
 * @throws ProfileError if it has no name, or holds what the resource has no field for (SPO's schema).
 */
export function renderCustomResource(profile: Profile): string {
  assertFitsResource(profile);
  const sorted = canonicalProfile(profile);
  const resource = {
    apiVersion: `${API_GROUP}/v1`,
    kind: KIND,
    metadata: { ...given(sorted, 'name'), ...given(sorted, 'labels'), ...given(sorted, 'annotations') },
    spec: {
      ...given(sorted, 'state'),
      ...given(sorted, 'baseProfileName'),
      defaultAction: sorted.defaultAction,
      ...renderBody(sorted),
      ...given(sorted, 'rollout'),
    },
  };
  return stringify(resource, { lineWidth: 0, aliasDuplicateObjects: false });
}

/**
 * The OCI runtime specification's JSON, which runc, crun, Docker and Podman take. Values are exact up to 64 bits.
 * @throws ProfileError if it builds on another profile, which only the operator resolves.
 */
export function renderRaw(profile: Profile): string {
  if (profile.baseProfileName !== undefined) {
    throw new ProfileError(`a raw profile cannot build on another (baseProfileName ${profile.baseProfileName})`);
  }
  const sorted = canonicalProfile(profile);
  const raw = { defaultAction: sorted.defaultAction, ...given(sorted, 'defaultErrnoRet'), ...renderBody(sorted) };
  const exact = (_key: string, value: unknown) => (typeof value === 'bigint' ? rawJSON(value.toString()) : value);
  return `${JSON.stringify(raw, exact, 2)}\n`;
}

/** The text in the form that a profile was read from. */
export function renderProfile(profile: Profile, form: Form): string {
  return form === 'custom-resource' ? renderCustomResource(profile) : renderRaw(profile);
}
