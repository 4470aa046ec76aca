/** Models, the latest first, with what made them. */

import type { JobOut, ModelOut, TemplateOut, VersionOut } from '../../api/schema';
import { type Column, Table } from '../../components/Table';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useTemplate } from '../../data/templates';
import { t } from '../../texts';
import { JobLog } from '../jobs/JobLog';
import { StatusBadge } from './StatusBadge';
import { statusOf } from './status';

type ModelListProps = {
  readonly models: readonly ModelOut[];
  readonly versions: readonly VersionOut[];
  readonly jobs: readonly JobOut[];
};

export function ModelList({ models, versions, jobs }: ModelListProps) {
  const template = useTemplate().data ?? null;
  const texts = t.train.models;
  return (
    <section className="panel" aria-label={texts.title}>
      <h2>{texts.title}</h2>
      {models.length === 0 ? (
        <p className="quiet">{texts.none}</p>
      ) : (
        <div className="wide-table">
          <Table
            caption={texts.title}
            isCaptionHidden
            columns={columnsOf({ models, versions, jobs }, template)}
            rows={models}
            rowKey={(model) => model.id}
          />
        </div>
      )}
    </section>
  );
}

function columnsOf(
  { models, versions, jobs }: ModelListProps,
  template: TemplateOut | null,
): Column<ModelOut>[] {
  const texts = t.train.models;
  const { columns } = texts;
  return [
    { key: 'name', name: columns.name, cell: (model) => <NameCell {...{ model, models }} /> },
    {
      key: 'what',
      name: columns.what,
      cell: (model) => (
        <>
          {nameOf(model.detector)}
          <small>{model.note || settingsText(model)}</small>
        </>
      ),
    },
    {
      key: 'data',
      name: columns.data,
      cell: (model) => (
        <>
          {versionText(model, versions)}
          <small>
            {model.template_id
              ? texts.template(model.template_id === template?.id ? template.version : null)
              : texts.wholeImage}
          </small>
        </>
      ),
    },
    {
      key: 'threshold',
      name: columns.threshold,
      cell: (model) => (
        <>
          <StatusBadge status={statusOf(model.threshold)} words={model.threshold.words} />
          <small>{texts.heldOut(model.threshold.n)}</small>
        </>
      ),
    },
    {
      key: 'made',
      name: columns.made,
      cell: (model) => (
        <>
          {texts.by(t.common.date(model.created_s), model.created_by)}
          <LogOf job={jobs.find((job) => job.id === model.job_id)} />
        </>
      ),
    },
  ];
}

function NameCell({ model, models }: { model: ModelOut; models: readonly ModelOut[] }) {
  const { id } = useProject();
  const texts = t.train.models;
  const parent = models.find((one) => one.id === model.parent_id);
  return (
    <>
      <strong className="nowrap">{texts.name(model.number)}</strong>{' '}
      {model.approved && <span className="badge badge-enough">{texts.inUse}</span>}
      {parent && <small>{texts.from(parent.number)}</small>}
      <small>
        <a className="model-evaluate" href={pageLink(id, 'evaluate', model.id)}>
          {texts.evaluate}
          <span className="visually-hidden"> {texts.name(model.number)}</span>
        </a>
      </small>
    </>
  );
}

function LogOf({ job }: { readonly job: JobOut | undefined }) {
  if (!job) return null;
  return (
    <details>
      <summary>{t.train.models.log}</summary>
      <JobLog job={job} />
    </details>
  );
}

/** Sections of `run.json` that are told in a line; what is not there has its default. */
type Settings = {
  readonly data?: { readonly resolution?: keyof typeof t.train.models.resolution };
  readonly decision?: { readonly false_alarm_rate?: number };
  readonly system?: { readonly seed?: number };
};

const DETECTOR_NAMES: Readonly<Record<string, string>> = t.train.detectorNames;
const nameOf = (detector: string): string => DETECTOR_NAMES[detector] ?? detector;

function settingsText(model: ModelOut): string {
  const { data, decision, system } = model.settings as Settings;
  const texts = t.train.models;
  return texts.settings(
    texts.resolution[data?.resolution ?? 'auto'],
    t.common.percent(decision?.false_alarm_rate ?? model.threshold.false_alarm_rate),
    system?.seed ?? 0,
  );
}

function versionText(model: ModelOut, versions: readonly VersionOut[]): string {
  const at = versions.findIndex((version) => version.id === model.version_id);
  return t.train.models.version(
    at < 0 ? null : versions.length - at,
    versions[at]?.normals ?? null,
  );
}
