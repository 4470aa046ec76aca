/** The projects of who is signed in, and a new one. */

import { type FormEvent, useState } from 'react';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { CheckField } from '../../components/Field';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { pageLink } from '../../data/links';
import { useCreateProject, useProjects } from '../../data/projects';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { ProjectCard } from './ProjectCard';
import './home.css';

export function HomePage() {
  const projects = useProjects();
  const mayCreate = useMay('engineer');
  const [showsArchived, setShowsArchived] = useState(false);
  const found = projects.data ?? [];
  const archived = found.filter((project) => project.archived).length;
  const shown = found.filter((project) => showsArchived || !project.archived);
  return (
    <div className="page">
      <PageHeader title={t.home.title}>
        {archived > 0 && (
          <CheckField
            label={t.home.showArchived(archived)}
            value={showsArchived}
            onChange={setShowsArchived}
          />
        )}
      </PageHeader>
      <div className="page-body">
        {projects.error && (
          <Problem error={projects.error} onRetry={() => void projects.refetch()} />
        )}
        {projects.data && found.length === 0 && (
          <EmptyState
            icon="template"
            title={mayCreate ? t.home.emptyTitle : t.home.emptyTitleOther}
            text={mayCreate ? t.home.emptyText : t.home.emptyOther}
          />
        )}
        {mayCreate && projects.data && <NewProject isAlone={found.length === 0} />}
        {found.length > 0 && shown.length === 0 && <p>{t.home.allArchived}</p>}
        {shown.length > 0 && (
          <ul className="projects" aria-label={t.home.title}>
            {shown.map((project) => (
              <ProjectCard key={project.id} project={project} />
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

function NewProject({ isAlone }: { readonly isAlone: boolean }) {
  const [name, setName] = useState('');
  const create = useCreateProject();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const project = await create.mutateAsync(name).catch(() => null); // the page shows the error
    if (project) location.hash = pageLink(project.id, 'template');
  };
  return (
    <form className={isAlone ? 'new-project is-alone' : 'new-project'} onSubmit={submit}>
      <label>
        {t.home.name}
        <input
          required
          maxLength={120}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <Button
        type="submit"
        look={isAlone ? 'primary' : 'plain'}
        disabled={create.isPending || name.trim() === ''}
      >
        {t.home.create}
      </Button>
      {create.error && <Problem error={create.error} />}
    </form>
  );
}
