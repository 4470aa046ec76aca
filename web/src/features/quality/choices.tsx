/** Which model and which dataset version a study is about. */

import { useState } from 'react';
import type { ModelOut, VersionOut } from '../../api/schema';
import { EmptyState } from '../../components/EmptyState';
import { ChoiceField } from '../../components/Field';
import { pageLink } from '../../data/links';
import { useModels, useVersions } from '../../data/models';
import { useProject } from '../../data/projects';
import { t } from '../../texts';

/** The one in use first, else the latest; null = there is none, undefined = not known yet. */
export function useModelChoice() {
  const models = useModels();
  const [wanted, setWanted] = useState('');
  const found = models.data ?? [];
  const model =
    found.find((one) => one.id === wanted) ?? found.find((one) => one.approved) ?? found[0] ?? null;
  return { models: found, model: models.data ? model : undefined, choose: setWanted };
}

/** The latest one first. */
export function useVersionChoice() {
  const versions = useVersions();
  const [wanted, setWanted] = useState('');
  const found = versions.data ?? [];
  return {
    versions: found,
    version: found.find((one) => one.id === wanted) ?? found[0] ?? null,
    choose: setWanted,
  };
}

type ModelFieldProps = {
  readonly models: readonly ModelOut[];
  readonly value: string;
  readonly onChange: (id: string) => void;
};

export function ModelField({ models, value, onChange }: ModelFieldProps) {
  return (
    <ChoiceField
      label={t.quality.model}
      value={value}
      options={models.map((one) => one.id)}
      names={Object.fromEntries(
        models.map((one) => [one.id, t.quality.modelName(one.number, one.approved)]),
      )}
      onChange={onChange}
    />
  );
}

type VersionFieldProps = {
  readonly versions: readonly VersionOut[];
  readonly value: string;
  readonly onChange: (id: string) => void;
};

/** Versions come latest first and are numbered from the first on. */
export function VersionField({ versions, value, onChange }: VersionFieldProps) {
  const nameOf = (one: VersionOut, i: number) =>
    t.quality.versionName(versions.length - i, t.common.date(one.created_s), one.note);
  return (
    <ChoiceField
      label={t.quality.version}
      value={value}
      options={versions.map((one) => one.id)}
      names={Object.fromEntries(versions.map((one, i) => [one.id, nameOf(one, i)]))}
      onChange={onChange}
    />
  );
}

export function NoModel() {
  const { id } = useProject();
  const texts = t.quality.noModel;
  return (
    <EmptyState icon="train" title={texts.title} text={texts.text}>
      <a className="button button-primary" href={pageLink(id, 'train')}>
        {texts.action}
      </a>
    </EmptyState>
  );
}
