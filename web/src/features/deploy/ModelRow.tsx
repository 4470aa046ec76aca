import type { ReactNode } from 'react';
import type { ModelOut } from '../../api/schema';
import { bundleUrl } from '../../data/approval';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { ModelFacts, madeText } from './ModelFacts';

type ModelRowProps = {
  readonly model: ModelOut;
  readonly models: readonly ModelOut[];
  /** Facts only where they are asked for. */
  readonly isBrief?: boolean;
  readonly children?: ReactNode;
};

/** A model with what can be done with it. */
export function ModelRow({ model, models, isBrief, children }: ModelRowProps) {
  const { id } = useProject();
  return (
    <article className="model" aria-labelledby={`model-${model.id}`}>
      <header>
        <h3 id={`model-${model.id}`}>{t.deploy.model(model.number)}</h3>
        {model.approved && <span className="badge badge-enough">{t.deploy.inUse}</span>}
        <p>{madeText(model, models)}</p>
        <div className="model-actions">
          <a className="button" href={bundleUrl(id, model.id)} title={t.deploy.bundleText} download>
            {t.deploy.download}
          </a>
          {children}
        </div>
      </header>
      {isBrief ? (
        <details>
          <summary>{t.deploy.more}</summary>
          <ModelFacts model={model} />
        </details>
      ) : (
        <ModelFacts model={model} />
      )}
    </article>
  );
}
