/** One project of all, for what is looked at by project. */

import { useState } from 'react';
import type { ProjectOut } from '../../api/schema';
import { EmptyState } from '../../components/EmptyState';
import { ChoiceField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useProjects } from '../../data/projects';
import { t } from '../../texts';

const texts = t.administration.members;

type ProjectChoiceProps = { readonly children: (project: ProjectOut) => React.ReactNode };

export function ProjectChoice({ children }: ProjectChoiceProps) {
  const projects = useProjects();
  const [wanted, setWanted] = useState('');
  const found = projects.data ?? [];
  const project = found.find((one) => one.id === wanted) ?? found[0];
  if (projects.error) return <Problem error={projects.error} />;
  if (!projects.data) return <p className="loading">{t.app.loading}</p>;
  if (!project)
    return (
      <EmptyState icon="home" title={texts.none} text={t.home.emptyText}>
        <a className="button button-primary" href="#/">
          {texts.go}
        </a>
      </EmptyState>
    );
  const names = Object.fromEntries(
    found.map((one) => [one.id, one.archived ? `${one.name} (${texts.archived})` : one.name]),
  );
  return (
    <>
      <div className="tab-choice">
        <ChoiceField
          label={texts.choose}
          value={project.id}
          options={found.map((one) => one.id)}
          names={names}
          onChange={setWanted}
        />
      </div>
      {children(project)}
    </>
  );
}
