import { parseArgs } from 'node:util';
import { checkAbsent, checkGet, checkList, type EndpointReport, type Finding } from '../datatrics/drift.ts';
import {
  ENDPOINTS,
  type Endpoint,
  endpointFor,
  LISTED,
  type Listed,
  labelOf,
  typeParameter,
} from '../datatrics/endpoints.ts';
import { idProblem } from '../datatrics/keys.ts';
import { isObject, type JsonObject, lookUp, readText } from '../datatrics/records/fields.ts';
import { TransportError } from '../upstream/errors.ts';
import { openApi, type ReadOnlyApi } from './api.ts';
import { isUsageProblem, UsageError } from './usage.ts';

const HELP = `Is the API still what the client expects? Checks a project's read endpoints, one by one: status, envelope, keys, and
each field of the records, documented and declared. Reads only, some 15 calls, and shows no value of a record.

Usage: npm run -s drift -- [options]

The project is that of the gateway's settings; without DATATRICS_URL it is the embedded sandbox.

A drift is what the client would feel: a status, a spelling, a field that no record has or that is mostly of another type.
A note is what was always to be reckoned with: single odd values, and fields that are not known, which come as attributes.

Options:
  --project ID    another project of the settings
  --records N     records to read of each list, 1 to 500 (default: 100)
  --ignore PATH   take this finding as known, such as Profile.country; may be given several times
  --strict        notes count as drift too
  --json          the report as one JSON object
  --help          this text

Exit code: 0 without a drift, 1 with one, 2 for wrong usage and an API that can't be reached.
`;

/** No record has it, and any path can hold it. */
const NOBODY = 'drift-check-0f5c2a9e1b7d4368';

interface Report extends EndpointReport {
  /** What of the endpoint was looked at. */
  readonly title: string;
}

/** Checks a list, one of its records by id, and an id that there is not. */
async function checkKind(api: ReadOnlyApi, kind: Listed, limit: number): Promise<Report[]> {
  const { resource } = kind;
  const [list, get] = [endpointFor(resource, 'list'), endpointFor(resource, 'get')];
  const typeArgs = typeParameter(list, kind.type);
  // Categories have few of the fields that items have.
  const complete = kind.type !== 'CATEGORY';
  const expectation = { type: api.recordTypes[resource], timeZone: api.timeZone, complete };
  const title = (text: string): string => (typeArgs.type ? `${text}, type=${typeArgs.type}` : text);

  const listed = checkList(ENDPOINTS[list], await api.get(list, { ...typeArgs, limit, page: 1 }), limit, expectation);
  const { rows, ...report } = listed;
  const reports: Report[] = [{ ...report, title: title(labelOf(ENDPOINTS[list])) }];
  const key = rows.map((row) => keyOf(row, expectation.type.idNames)).find((found) => found !== null);
  if (!key) return reports;
  const endpoint: Endpoint = ENDPOINTS[get];
  const found = checkGet(endpoint, await api.get(get, { ...typeArgs, ...key }), key.id, expectation);
  const absent = checkAbsent(endpoint, await api.get(get, { ...typeArgs, id: NOBODY, source: key.source }));
  const known = new Set(listed.findings.map(({ kind, path }) => `${kind} ${path}`));
  const fresh = found.findings.filter(({ kind, path }) => kind !== 'unknown' || !known.has(`${kind} ${path}`));
  reports.push({ ...found, findings: [...fresh, ...absent.findings], title: title(labelOf(endpoint)) });
  return reports;
}

function keyOf(row: JsonObject, idNames: readonly string[]): { readonly id: string; readonly source: string } | null {
  const id = idNames.map((name) => readText(lookUp(row, name))).find((text) => text !== null);
  const source = isObject(row) ? readText(lookUp(row, 'source')) : null;
  return id === undefined || id === null || idProblem(id) !== null || source === null ? null : { id, source };
}

/** The endpoints that are left alone, since a check would write. */
const NOT_CHECKED = Object.values(ENDPOINTS as Record<string, Endpoint>)
  .filter(({ method }) => method !== 'GET')
  .map(labelOf);

function render(reports: readonly Report[], unreachable: readonly string[], api: ReadOnlyApi): string {
  const lines = [`Project ${api.project} at ${api.where}, ${api.calls()} calls.`, ''];
  for (const { title, records, findings } of reports) {
    lines.push(`${title} — ${records} record${records === 1 ? '' : 's'}`);
    const order = (level: Finding['level']): Finding[] => findings.filter((finding) => finding.level === level);
    for (const { level, path, message } of [...order('drift'), ...order('note')]) {
      lines.push(`  ${level === 'drift' ? 'DRIFT' : 'note '}  ${path}: ${message}`);
    }
    if (findings.length === 0) lines.push('  as expected');
    lines.push('');
  }
  for (const problem of unreachable) lines.push(`NO ANSWER  ${problem}`);
  lines.push(`Not checked, since they write: ${NOT_CHECKED.join(', ')}.`);
  const count = (level: Finding['level']): number =>
    reports.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.level === level).length, 0);
  const [drifts, notes] = [count('drift'), count('note')];
  lines.push(`${drifts} drift${drifts === 1 ? '' : 's'}, ${notes} note${notes === 1 ? '' : 's'}.`);
  return `${lines.join('\n')}\n`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      project: { type: 'string' },
      records: { type: 'string', default: '100' },
      ignore: { type: 'string', multiple: true, default: [] },
      strict: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const records = Number(values.records);
  if (!Number.isInteger(records) || records < 1 || records > 500) throw new UsageError('--records must be 1 to 500.');
  return { ...values, records };
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const api = await openApi(options.project);
  try {
    const reports: Report[] = [];
    const unreachable: string[] = [];
    for (const kind of LISTED) {
      try {
        reports.push(...(await checkKind(api, kind, options.records)));
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        unreachable.push(
          `${labelOf(ENDPOINTS[endpointFor(kind.resource, 'list')])} or ${labelOf(ENDPOINTS[endpointFor(kind.resource, 'get')])}: ${error.failure}`,
        );
      }
    }
    const ignored = new Set(options.ignore);
    const told = reports.map((report) => ({
      ...report,
      findings: report.findings.filter(({ path }) => !ignored.has(path)),
    }));
    if (!options.json) process.stdout.write(render(told, unreachable, api));
    else {
      const json = { project: api.project, calls: api.calls(), endpoints: told, unreachable, notChecked: NOT_CHECKED };
      process.stdout.write(`${JSON.stringify(json)}\n`);
    }
    if (unreachable.length > 0) return 2;
    const counts = ({ level }: Finding): boolean => options.strict || level === 'drift';
    return told.some(({ findings }) => findings.some(counts)) ? 1 : 0;
  } finally {
    await api.close();
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    if (!isUsageProblem(error)) throw error;
    process.stderr.write(`${error.message}\n\nnpm run drift -- --help tells more.\n`);
    process.exitCode = 2;
  },
);
