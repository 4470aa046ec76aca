import { useState } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Icon } from '../../components/Icon';
import { Problem } from '../../components/Problem';
import { filesOf, jobFileUrl, useExport } from '../../data/exports';
import { useJob } from '../../data/jobs';
import { useProject } from '../../data/projects';
import { useTemplate } from '../../data/templates';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';

export function ExportDialog({ onClose }: { readonly onClose: () => void }) {
  const project = useProject();
  const template = useTemplate();
  const start = useExport();
  const [jobId, setJobId] = useState<string | null>(null);
  const job = useJob(jobId).data;
  const files = job ? filesOf(job) : [];
  const texts = t.annotate.exports;
  const begin = async () => {
    const started = await start.mutateAsync(template.data?.id ?? null).catch(() => null);
    if (started) setJobId(started.id);
  };
  return (
    <Dialog
      title={texts.title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.close}</Button>
          {files.length === 0 && (
            <Button
              look="primary"
              disabled={start.isPending || (jobId !== null && job?.state !== 'failed')}
              onClick={() => void begin()}
            >
              {texts.act}
            </Button>
          )}
          {files.map((name) => (
            <a
              key={name}
              className="button button-primary"
              href={jobFileUrl(project.id, job?.id ?? '', name)}
              download={name}
            >
              <Icon name="save" />
              {texts.download} {name}
            </a>
          ))}
        </>
      }
    >
      <div className="export-dialog">
        <p>{texts.text}</p>
        {start.error && <Problem error={start.error} />}
        {job && <JobProgress job={job} />}
        {job?.state === 'done' && files.length === 0 && (
          <Problem error={new Error(texts.nothing)} />
        )}
      </div>
    </Dialog>
  );
}
