import { Document } from 'yaml';
import type { Profile, SyscallArg, SyscallRule } from './model.ts';
import { API_GROUP, KIND } from './parse.ts';

function renderArg(arg: SyscallArg): object {
  const { index, op, value, valueTwo } = arg;
  return { index, value, ...(valueTwo !== 0n && { valueTwo }), op };
}

function renderRule(rule: SyscallRule): object {
  return {
    names: rule.names,
    action: rule.action,
    ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
    ...(rule.args && { args: rule.args.map(renderArg) }),
  };
}

/** The fields that both forms have, in the order in which a person reads them. */
function renderBody(profile: Profile): object {
  return {
    ...(profile.architectures.length > 0 && { architectures: profile.architectures }),
    ...(profile.flags.length > 0 && { flags: profile.flags }),
    ...(profile.listenerPath !== undefined && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata !== undefined && { listenerMetadata: profile.listenerMetadata }),
    syscalls: profile.syscalls.map(renderRule),
  };
}

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

/** The SeccompProfile custom resource, version v1, as YAML. `defaultErrnoRet` has no place in it. */
export function renderCustomResource(profile: Profile): string {
  const document = new Document({
    apiVersion: `${API_GROUP}/v1`,
    kind: KIND,
    metadata: {
      ...(profile.name !== undefined && { name: profile.name }),
      ...(profile.labels && { labels: profile.labels }),
      ...(profile.annotations && { annotations: profile.annotations }),
    },
    spec: {
      ...(profile.baseProfileName !== undefined && { baseProfileName: profile.baseProfileName }),
      defaultAction: profile.defaultAction,
      ...renderBody(profile),
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** The OCI runtime specification's JSON, which runc, Docker and Podman take. Values are exact up to 64 bits. */
export function renderRaw(profile: Profile): string {
  const { defaultAction, defaultErrnoRet } = profile;
  const raw = { defaultAction, ...(defaultErrnoRet !== undefined && { defaultErrnoRet }), ...renderBody(profile) };
  const exact = (_key: string, value: unknown) =>
    typeof value === 'bigint'
      ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString())
      : value;
  return `${JSON.stringify(raw, exact, 2)}\n`;
}
