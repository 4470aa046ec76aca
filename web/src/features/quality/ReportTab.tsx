/** The report on a model: what goes in, who signs, and the ones that were made. */

import type { JobOut, ModelOut } from '../../api/schema';
import { Table } from '../../components/Table';
import { isOpen, useJobs } from '../../data/jobs';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { ModelField, NoModel, useModelChoice } from './choices';
import { type PartName, partsJoined } from './payloads';
import { ReportForm } from './ReportForm';
import { Files, madeWords, titleOf, Watched } from './Studies';

const texts = t.quality.report;

export function ReportTab() {
  const mayStudy = useMay('study');
  const { models, model, choose } = useModelChoice();
  if (model === null) return <NoModel />;
  if (!model) return <p className="loading">{t.app.loading}</p>;
  return (
    <div className="tab-body">
      <p className="tab-about">{texts.about}</p>
      <div className="tab-choice">
        <ModelField models={models} value={model.id} onChange={choose} />
      </div>
      {mayStudy ? (
        <ReportForm key={model.id} model={model} />
      ) : (
        <p className="tab-about">{t.quality.notAllowed}</p>
      )}
      <Reports model={model} />
    </div>
  );
}

function Reports({ model }: { readonly model: ModelOut }) {
  const jobs = useJobs();
  const mine = (jobs.data ?? []).filter(
    (job) => job.kind === 'report' && job.params.model_id === model.id,
  );
  const done = mine.filter((job) => job.state === 'done');
  const [latest] = mine;
  return (
    <>
      {mine.filter(isOpen).map((job) => (
        <Watched key={job.id} jobId={job.id} />
      ))}
      {latest?.state === 'failed' && <JobProgress job={latest} />}
      {jobs.data && done.length === 0 && !mine.some(isOpen) && (
        <p className="tab-about">{texts.none}</p>
      )}
      {done.length > 0 && (
        <Table
          caption={texts.list}
          columns={[
            { key: 'title', name: texts.columns.title, cell: titleOf },
            { key: 'made', name: texts.columns.made, cell: madeWords },
            { key: 'parts', name: texts.columns.parts, cell: partWords },
            { key: 'files', name: texts.columns.files, cell: (job) => <Files job={job} /> },
          ]}
          rows={done}
          rowKey={(job) => job.id}
        />
      )}
    </>
  );
}

const partWords = (job: JobOut): string =>
  partsJoined(job)
    .map((name: PartName) => texts.partNames[name])
    .join(', ');
