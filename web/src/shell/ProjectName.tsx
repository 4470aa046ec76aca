/** The open project, and what is asked of its inspection. */

import { lazy, Suspense, useState } from 'react';
import { createPortal } from 'react-dom';
import type { ProjectOut } from '../api/schema';
import { Icon } from '../components/Icon';
import { t } from '../texts';
import { Guard } from './Guard';

const ProblemDialog = lazy(() => import('../features/problem/ProblemDialog'));

export function ProjectName({ project }: { readonly project: ProjectOut }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="project-name"
        title={`${project.name}: ${t.problem.title}`}
        onClick={() => setIsOpen(true)}
      >
        <Icon name="question" />
        <span>
          <strong>{project.name}</strong> <small>{t.problem.title}</small>
        </span>
      </button>
      {isOpen &&
        createPortal(
          <Guard>
            <Suspense>
              <ProblemDialog project={project} onClose={() => setIsOpen(false)} />
            </Suspense>
          </Guard>,
          document.body, // not a part of the navigation
        )}
    </>
  );
}
