"""The unit of the article that this project began with: its exact directives."""

ARTICLE = """\
[Unit]
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0
[Service]
Type=exec
DynamicUser=true
ExecStart=bash -c 'echo bug; exit 1'
ProtectSystem=strict
ProtectHome=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
PrivateDevices=yes
PrivateTmp=yes
RestartSec=1ms
Restart=always
[Install]
WantedBy=multi-user.target
"""
