package command

const appHelp = `{{.Name}}: {{.Usage}}

Usage:
    {{.Name}} COMMAND [flags] [arguments]
{{if .Description}}
{{.Description}}
{{end}}
Commands:
{{range .VisibleCommands}}    {{.Name}}{{"\t"}}{{.Usage}}
{{end}}
{{.Name}} COMMAND --help tells more. {{.Name}} --version prints the version.
`

const groupHelp = `{{.HelpName}}: {{.Usage}}

Usage:
    {{.HelpName}} COMMAND [flags] [arguments]
{{if .Description}}
{{.Description}}
{{end}}
Commands:
{{range .VisibleCommands}}    {{.Name}}{{"\t"}}{{.Usage}}
{{end}}`

const commandHelp = `{{.HelpName}}: {{.Usage}}

Usage:
    {{.HelpName}} [flags]{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}
{{if .Description}}
{{.Description}}
{{end}}
Flags:
{{range .VisibleFlags}}    {{.}}
{{end}}`
