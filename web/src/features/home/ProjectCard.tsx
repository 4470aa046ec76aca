/** One project: its picture, what waits, which model is in use. */

import { useState } from 'react';
import type { ProjectOut, Summary } from '../../api/schema';
import { Button, IconButton } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { TextField } from '../../components/Field';
import { Icon } from '../../components/Icon';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { thumbnailUrl } from '../../data/images';
import { pageLink } from '../../data/links';
import { useChangeProject } from '../../data/projects';
import { useMay, useSession } from '../../data/session';
import { useReferenceId, useSummary } from '../../data/summary';
import { errorText, t } from '../../texts';

type ProjectCardProps = { readonly project: ProjectOut };

export function ProjectCard({ project }: ProjectCardProps) {
  const summary = useSummary(project.id);
  const role = useSession().data?.role;
  const mayChange = useMay('engineer');
  const first = role === 'operator' ? 'inspect' : 'template';
  return (
    <li className="project-card">
      <Picture projectId={project.id} hasTemplate={summary.data?.template_version != null} />
      <div className="project-about">
        <h2>
          <a href={pageLink(project.id, first)} aria-label={t.home.open(project.name)}>
            {project.name}
          </a>
        </h2>
        {project.archived && <span className="badge badge-calm">{t.home.archived}</span>}
        {summary.data && <Figures project={project} summary={summary.data} />}
        {summary.error && <p className="field-error">{errorText(summary.error)}</p>}
      </div>
      {mayChange && <Actions project={project} />}
    </li>
  );
}

function Picture({ projectId, hasTemplate }: { projectId: string; hasTemplate: boolean }) {
  const reference = useReferenceId(projectId, hasTemplate);
  return (
    <div className="project-picture">
      {reference.data ? (
        <img src={thumbnailUrl(projectId, reference.data)} alt="" loading="lazy" />
      ) : (
        <Icon name="image" />
      )}
    </div>
  );
}

type FiguresProps = { readonly project: ProjectOut; readonly summary: Summary };

function Figures({ project, summary }: FiguresProps) {
  return (
    <ul className="project-figures">
      <li>
        {summary.queue > 0 ? (
          <a className="project-waits" href={pageLink(project.id, 'inspect')}>
            {t.home.waits(summary.queue)}
          </a>
        ) : (
          t.home.nothingWaits
        )}
      </li>
      <li>{summary.approved ? t.home.approved(summary.approved.number) : t.home.noModel}</li>
      <li>
        {t.home.images(summary.images)}
        {summary.jobs_open > 0 && `, ${t.home.running(summary.jobs_open)}`}
      </li>
    </ul>
  );
}

function Actions({ project }: ProjectCardProps) {
  const [isRenaming, setIsRenaming] = useState(false);
  const change = useChangeProject(project.id);
  const notify = useNotify();
  const { name, archived } = project;
  const archive = () =>
    change.mutate(
      { archived: !archived },
      {
        onSuccess: () => notify(archived ? t.home.wasRestored(name) : t.home.wasArchived(name)),
        onError: (error) => notify(errorText(error), 'bad'),
      },
    );
  return (
    <div className="project-actions">
      <IconButton icon="annotate" label={t.home.rename(name)} onClick={() => setIsRenaming(true)} />
      <IconButton
        icon={archived ? 'restore' : 'archive'}
        label={archived ? t.home.restore(name) : t.home.archive(name)}
        disabled={change.isPending}
        onClick={archive}
      />
      {isRenaming && <Rename project={project} onClose={() => setIsRenaming(false)} />}
    </div>
  );
}

function Rename({ project, onClose }: ProjectCardProps & { readonly onClose: () => void }) {
  const [name, setName] = useState(project.name);
  const change = useChangeProject(project.id);
  return (
    <Dialog
      title={t.home.renameTitle}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            look="primary"
            disabled={change.isPending || name.trim() === ''}
            onClick={() => change.mutate({ name }, { onSuccess: onClose })}
          >
            {t.common.save}
          </Button>
        </>
      }
    >
      <TextField label={t.home.newName} value={name} onChange={setName} />
      {change.error && <Problem error={change.error} />}
    </Dialog>
  );
}
