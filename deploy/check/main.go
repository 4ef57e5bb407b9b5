// Command deploy-check reads Kubernetes manifests (YAML documents) from its standard input and decodes each as its kind
// is defined by Kubernetes itself: an unknown field, or a value of another type, is an error.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// object is an empty object of the kind. k6-operator's own is checked against its schema, elsewhere.
func (d document) object() (any, error) {
	switch d.APIVersion + " " + d.Kind {
	case "batch/v1 CronJob":
		return &batch.CronJob{}, nil
	case "v1 PersistentVolumeClaim":
		return &core.PersistentVolumeClaim{}, nil
	case "v1 ConfigMap":
		return &core.ConfigMap{}, nil
	case "v1 ServiceAccount":
		return &core.ServiceAccount{}, nil
	case "rbac.authorization.k8s.io/v1 Role":
		return &rbac.Role{}, nil
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		return &rbac.RoleBinding{}, nil
	default:
		return nil, fmt.Errorf("no kind that is known here: %s %s", d.APIVersion, d.Kind)
	}
}

func check(text []byte) error {
	var head document
	if err := yaml.Unmarshal(text, &head); err != nil {
		return err
	}
	object, err := head.object()
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		return fmt.Errorf("%s: %w", head.Kind, err)
	}
	return nil
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	for _, part := range bytes.Split(text, []byte("\n---\n")) {
		err = errors.Join(err, check(part))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
