import type { Daemon } from '../../api/types.ts';
import { parseFilter } from '../../stream/output/filter.ts';
import { enrichersOf, logFileOf } from './settings.ts';
import { WEBHOOKS } from './webhooks.ts';

type Spec = Daemon['spec'];

/** A setting that is not obeyed, and what to do about it. */
export interface Problem {
  /** As it stands in the object: `spec.webhook.options`. */
  readonly field: string;
  readonly message: string;
  /** It cannot be what was meant: nothing of the object is acted on. Otherwise all the rest is. */
  readonly refused: boolean;
}

/** setInterval() takes 31 bits of milliseconds. */
const MOST_SECONDS = 2_147_483;
const MOST_FILES = 1_000_000;

/** All settings that are not obeyed. */
export function problemsOf(spec: Spec): Problem[] {
  return [...invalid(spec), ...notBuilt(spec)];
}

function invalid({ hostProcVolumePath, enricher = {}, webhook = {} }: Spec): Problem[] {
  const problems: Problem[] = [];
  const refuse = (field: string, message: string) => problems.push({ field, message, refused: true });
  if (hostProcVolumePath !== undefined && !/^\/proc\/?$/.test(hostProcVolumePath))
    refuse('spec.hostProcVolumePath', 'agents see the host’s processes in their own /proc (hostPID): leave it /proc');
  for (const field of ['logEnricherFilters', 'jsonEnricherFilters'] as const) {
    const text = enricher[field];
    const wrong = text === undefined || text.trim() === '' ? undefined : wrongFilter(text);
    if (wrong !== undefined) refuse(`spec.enricher.${field}`, wrong);
  }
  const { jsonEnricherOptions: json = {} } = enricher;
  const options = 'spec.enricher.jsonEnricherOptions';
  if ((json.auditLogIntervalSeconds ?? 0) > MOST_SECONDS)
    refuse(`${options}.auditLogIntervalSeconds`, `${MOST_SECONDS} seconds at most`);
  if ((json.auditLogMaxBackups ?? 0) > MOST_FILES)
    refuse(`${options}.auditLogMaxBackups`, `${MOST_FILES} files at most; absent or 0: all`);
  if (json.auditLogPath && logFileOf(json.auditLogPath) === undefined)
    refuse(
      `${options}.auditLogPath`,
      'a file in a directory of its own below /var/log (on the node) or /tmp (in a volume of the pod), as /var/log/spo/audit.json',
    );
  for (const { name, failurePolicy } of webhook.options ?? [])
    if (failurePolicy !== undefined && failurePolicy !== 'Fail' && failurePolicy !== 'Ignore')
      refuse('spec.webhook.options', `${name}: failurePolicy ${failurePolicy}: Fail or Ignore`);
  return problems;
}

/** What this version does not do. To leave it out silently could take protection away that somebody counts on. */
function notBuilt(spec: Spec): Problem[] {
  const { enableAppArmor = false, selinux = {}, enricher = {}, webhook = {}, security = {} } = spec;
  const problems: Problem[] = [];
  const tell = (field: string, message: string) => problems.push({ field, message, refused: false });
  if (enableAppArmor)
    tell('spec.enableAppArmor', 'AppArmor profiles are not installed by this version: set it to false');
  const { allowedSystemProfiles = [], ...lists } = selinux.options ?? {};
  const said = {
    enable: selinux.enable === true,
    enableRawSelinuxProfiles: selinux.enableRawSelinuxProfiles === true,
    options:
      allowedSystemProfiles.some((name) => name !== 'container') ||
      Object.values(lists).some((list) => Array.isArray(list) && list.length > 0),
    customTemplatesConfigMap: selinux.customTemplatesConfigMap !== undefined,
  };
  for (const [field, is] of Object.entries(said))
    if (is) tell(`spec.selinux.${field}`, 'SELinux profiles are not installed by this version: remove it');
  if (enricher.logEnricherSource === 'Bpf' && enrichersOf(spec).log)
    tell(
      'spec.enricher.logEnricherSource',
      'Bpf tells of AppArmor alone, and is not built: Auditd is read; or set Netlink',
    );
  for (const { name } of webhook.options ?? [])
    if (!WEBHOOKS.includes(name))
      tell('spec.webhook.options', `there is no webhook ${name}: remove it, or name one of ${WEBHOOKS.join(', ')}`);
  const unsigned = 'base profiles are not fetched from registries by this version: remove it';
  if (security.disableOciArtifactSignatureVerification)
    tell('spec.security.disableOciArtifactSignatureVerification', unsigned);
  for (const field of ['allowedIdentityRegexp', 'allowedOidcIssuerRegexp'] as const)
    if ((security[field] ?? '.*') !== '.*') tell(`spec.security.${field}`, unsigned);
  return problems;
}

function wrongFilter(text: string): string | undefined {
  try {
    // The parser takes key=value too, which SPO does not know here.
    if (!text.trimStart().startsWith('[')) return 'not a JSON array of rules (priority, level, matchKeys, matchValues)';
    parseFilter([text]);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^--filter: /, '');
  }
}
